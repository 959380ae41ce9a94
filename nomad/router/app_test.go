package router

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wadi/internal/nomadtest"
)

// appVar makes a copy of the test's program the app of a Nomad job: it holds
// the text that the app answers with.
const appVar = "WADI_ROUTER_TEST_APP"

func TestMain(m *testing.M) {
	if text := os.Getenv(appVar); text != "" {
		if err := serveApp(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	nomadtest.Main(m)
}

// serveApp is an instance: the app at port http answers "text allocation",
// and what stands for the supervisor at port health says that it is ready,
// half a second after it started. The app begins to answer a body before it
// has all of it, and echoes what comes after an upgrade.
func serveApp(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	alloc := os.Getenv("NOMAD_ALLOC_ID")
	var ready atomic.Bool
	time.AfterFunc(500*time.Millisecond, func() { ready.Store(true) })

	app := &http.Server{Addr: net.JoinHostPort(os.Getenv("NOMAD_HOST_IP_http"), os.Getenv("NOMAD_PORT_http"))}
	app.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load() {
			http.Error(w, "asked too early", http.StatusInternalServerError)
			return
		}
		if r.Header.Get("Upgrade") != "" {
			echo(w)
			return
		}
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		fmt.Fprintf(w, "%s %s", text, alloc)
		_ = control.Flush()
		io.Copy(w, r.Body)
	})
	health := &http.Server{Addr: net.JoinHostPort(os.Getenv("NOMAD_HOST_IP_health"), os.Getenv("NOMAD_PORT_health"))}
	health.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(instanceHeader, alloc)
		if !ready.Load() || ctx.Err() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	failed := make(chan error, 2)
	for _, s := range []*http.Server{app, health} {
		go func() { failed <- s.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return app.Shutdown(end)
}

func echo(w http.ResponseWriter) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(c, rw)
}
