package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"wadi/stage/blob"
)

// losing carries requests out, but breaks the first answer to every PUT off.
func losing(h http.Handler) http.Handler {
	var lost atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !lost.Swap(true) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	})
}

// Writing a result is the one request that is not idempotent.
func TestALostAnswerIsNoConflict(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", 32)
	c := fixtureIn(t, t.TempDir(), losing).operator(t)
	if err := c.PutResult(t.Context(), "dev", key, 1, []byte("one")); err != nil {
		t.Errorf("the answer was lost, the result was not: %v", err)
	}

	dir := t.TempDir()
	if err := fixtureIn(t, dir, nil).operator(t).PutResult(t.Context(), "dev", key, 1, []byte("one")); err != nil {
		t.Fatal(err)
	}
	err := fixtureIn(t, dir, losing).operator(t).PutResult(t.Context(), "dev", key, 1, []byte("another"))
	if !errors.Is(err, blob.ErrConflict) {
		t.Errorf("another's result was there: %v, want ErrConflict", err)
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte("wadi-result 1 1 " + sum([]byte("{}")) + "\n{}"))
	f.Add([]byte("wadi-result 1 7 " + sum(nil) + "\n"))
	f.Add([]byte("wadi-result 1 -7 " + sum(nil) + "\n"))
	f.Add([]byte("wadi-result 1 7 x\n\n"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		generation, data, err := parseResult(stored)
		if err == nil && (generation < 1 || !strings.HasSuffix(string(stored), "\n"+string(data))) {
			t.Errorf("%q was accepted as generation %d of %q", stored, generation, data)
		}
	})
}
