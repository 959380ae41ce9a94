package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wadi/internal/testport"
	"wadi/stage/blob"
)

func TestErrorsOfTheClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := newEd25519(t, "k")
	f.nomad.publish(s.jwk())
	digest := sum([]byte("x"))

	// The body is bigger than any buffer: the reason must arrive all the same.
	_, _, err := client(t, f.url, "not-the-token-of-the-people").Upload(t.Context(), noise(1, 4<<20), nil)
	if !errors.Is(err, blob.ErrUnauthorized) || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong token: %v", err)
	}
	app := client(t, f.url, s.token(t, workloadClaims("dev", "shop", nil)))
	if err := app.PutLifecycle(t.Context(), sum(noiseBytes(t, 1, 16<<20)), noise(1, 16<<20)); !errors.Is(err, blob.ErrUnauthorized) || !strings.Contains(err.Error(), "job shop") {
		t.Errorf("an app that writes: %v", err)
	}
	noToken := errors.New("no token here")
	failing := &blob.Client{URL: f.url, Token: func() (string, error) { return "", noToken }}
	if _, err := failing.Has(t.Context(), digest); !errors.Is(err, noToken) {
		t.Errorf("a token that cannot be had: %v", err)
	}
	for _, bad := range []string{"", "127.0.0.1:1", "ftp://host", "http://", "http://a b"} {
		if _, err := (&blob.Client{URL: bad}).Has(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "not the URL of a blob store") {
			t.Errorf("URL %q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "x", "../" + digest[3:]} {
		if _, err := f.people(t).Has(t.Context(), bad); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Has %q: %v", bad, err)
		}
		if _, err := f.people(t).Open(t.Context(), bad); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open %q: %v", bad, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	url := fmt.Sprintf("http://someone:secret@127.0.0.1:%d", testport.Free(t))
	c := client(t, url, "tok")
	c.Attempts = 2
	if err := c.Health(t.Context()); !errors.Is(err, blob.ErrUnreachable) {
		t.Errorf("Health: %v", err)
	}
	_, err := c.Has(t.Context(), sum(nil))
	if !errors.Is(err, blob.ErrUnreachable) || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Has: %v", err)
	}
	if s := err.Error(); strings.Contains(s, "secret") || strings.Contains(s, "tok") || !strings.Contains(s, "is the blob store running?") {
		t.Errorf("error %q leaks, or does not help", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Has(ctx, sum(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
}

// What does not pass by itself is not tried again.
func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int32{
		200: 1, 400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 413: 1, 422: 1, 507: 1,
		429: 2, 500: 2, 502: 2, 503: 2,
	} {
		var n atomic.Int32
		url := proxied(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.WriteHeader(status)
		}))
		c := client(t, url, "")
		c.Attempts = 2
		if _, err := c.Has(t.Context(), sum(nil)); (err == nil) != (status == 200 || status == 404) {
			t.Errorf("%d: error %v", status, err)
		}
		if got := n.Load(); got != want {
			t.Errorf("%d: %d requests, want %d", status, got, want)
		}
	}
}

// A request that is under way when the server is stopped is answered.
func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-ctx.Done()
		if r.Context().Err() != nil {
			t.Error("the request was cut off")
		}
		w.WriteHeader(http.StatusTeapot)
	})
	done, answered := make(chan error, 1), make(chan int, 1)
	go func() { done <- Serve(ctx, l, h) }()
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			t.Errorf("GET: %v", err)
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-started
	cancel()
	if status := <-answered; status != http.StatusTeapot {
		t.Errorf("status %d", status)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := Serve(context.Background(), l, h); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that is closed: %v", err)
	}
}

func TestOpenDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	open := func() {
		t.Helper()
		b, err := OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, error %v", info, err)
	}
	old, young, chunk := filepath.Join(dir, "chunks", "ab", "x.1.tmp"), filepath.Join(dir, "chunks", "ab", "x.2.tmp"), filepath.Join(dir, "chunks", "ab", "x")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, young, chunk} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{old, chunk} {
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
	}
	open()
	for name, want := range map[string]bool{old: false, young: true, chunk: true} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", filepath.Base(name), err, want)
		}
	}
	if _, err := OpenDir(chunk); err == nil || !strings.Contains(err.Error(), chunk) {
		t.Errorf("a file: %v", err)
	}
}
