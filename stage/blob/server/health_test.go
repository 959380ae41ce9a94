package server

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gocloud.dev/blob/memblob"

	"wadi/stage/blob"
)

func TestReportOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want blob.HealthReport
	}{
		"well":      {nil, blob.HealthReport{Status: "ok", Writable: true}},
		"full":      {syscall.ENOSPC, blob.HealthReport{Status: "ok", Full: true, Reason: refusalOf(syscall.ENOSPC).reason}},
		"quota":     {syscall.EDQUOT, blob.HealthReport{Status: "ok", Full: true, Reason: refusalOf(syscall.ENOSPC).reason}},
		"read-only": {syscall.EROFS, blob.HealthReport{Status: "ok", Reason: "it is mounted read-only"}},
		"forbidden": {syscall.EACCES, blob.HealthReport{Status: "ok", Reason: "the server's user may not write there"}},
		"other":     {errors.New("/secret/path broke"), blob.HealthReport{Status: "ok", Reason: "the server's log says more"}},
	} {
		if got := reportOf(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestHealthOfABrokenBackEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// A file where the probe's folder would be: fails for root as well.
	if err := os.WriteFile(filepath.Join(f.dir, "health"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := f.people(t).Health(t.Context())
	var e *blob.Error
	if !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || !strings.Contains(e.Message, "cannot be written to") {
		t.Errorf("Health: %v", err)
	}
	if status, answer := f.requestAs(t, "", "GET", "/v1/health", nil); status != http.StatusOK || strings.Contains(answer, f.dir) {
		t.Errorf("answer %d %s: want 200 (reading goes on) and no paths", status, answer)
	}
}

func TestHealthOfAnotherServer(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"a page": "<html>", "other JSON": `{"status":"up"}`} {
		url := proxied(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(body)); err != nil {
				t.Errorf("answer: %v", err)
			}
		}))
		if err := client(t, url, "").Health(t.Context()); err == nil || !strings.Contains(err.Error(), "not a blob store") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Many askers make one write.
func TestHealthIsKept(t *testing.T) {
	t.Parallel()
	s := &server{store: store{memblob.OpenBucket(nil)}, log: discard()}
	t.Cleanup(func() { s.store.bucket.Close() })
	for range 5 {
		if got := s.checkHealth(t.Context()); !got.Writable {
			t.Fatalf("%+v", got)
		}
		if err := s.store.remove(t.Context(), "health/probe"); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := s.store.has(t.Context(), "health/probe"); there || err != nil {
		t.Errorf("the probe was written again: %v, error %v", there, err)
	}
}
