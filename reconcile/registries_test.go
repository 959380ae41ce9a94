package reconcile

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wadi/stage/lifecycle/inspect"
)

// The apps of a plan ask once for an image that they share.
func TestRegistriesAskOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			asked.Add(1)
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	image := strings.TrimPrefix(server.URL, "http://") + "/team/app:1"
	asks := newRegistries()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := asks.ask(t.Context(), image, inspect.Options{Arch: "amd64"})
			var known *inspect.Error
			if !errors.As(err, &known) || known.Kind != inspect.NotFound {
				t.Errorf("error %v", err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if _, err := asks.ask(t.Context(), image, inspect.Options{Arch: "amd64", Login: &inspect.Login{Username: "bob", Password: "geheim"}}); err == nil || asked.Load() != 2 {
		t.Errorf("somebody else got the same answer: %v", err)
	}
}

// A registry that is not there is waited for once, not once an app.
func TestRegistriesSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); ended.Wait() })
	asks, first := newRegistries(), int32(0)
	for _, image := range []string{"/one:1", "/two:1", "/three@sha256:" + strings.Repeat("a", 64)} {
		_, err := asks.ask(t.Context(), l.Addr().String()+image, inspect.Options{Arch: "amd64"})
		var known *inspect.Error
		if !errors.As(err, &known) || known.Kind != inspect.Unreachable || !strings.Contains(err.Error(), "the registry "+l.Addr().String()+" does not answer") {
			t.Fatalf("error %v", err)
		}
		if first == 0 {
			first = calls.Load()
		}
		if calls.Load() != first || known.Reference != l.Addr().String()+image && image != "/one:1" {
			t.Errorf("%s: %d calls after %d, %+v", image, calls.Load(), first, known)
		}
	}
	if first == 0 {
		t.Error("nobody asked")
	}
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	if _, err := asks.ask(t.Context(), strings.TrimPrefix(other.URL, "http://")+"/app", inspect.Options{Arch: "amd64"}); inspect.IsUnreachable(err) || err == nil {
		t.Errorf("another registry: %v", err)
	}
}

// Who is interrupted waits no longer, whoever asked first.
func TestRegistriesInterrupted(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	d, _ := imageApp(t, strings.TrimPrefix(server.URL, "http://")+"/team/app:1")
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	asks := newRegistries()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := testReconciler().resolveImage(ctx, d, asks, revisionRecord{}); !errors.Is(err, interrupted) {
				t.Errorf("error %v", err)
			}
		})
	}
	<-reached
	cancel(interrupted)
	all.Wait()
}
