package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// drainTimeout is how long requests in flight may go on after the router
	// was told to stop.
	drainTimeout = 10 * time.Second
	// clientHeaderTimeout bounds how long a client may take over a header,
	// and clientIdleTimeout how long it may keep a connection for nothing.
	// Bodies have no limit: uploads and streams take what they take.
	clientHeaderTimeout = 30 * time.Second
	clientIdleTimeout   = 2 * time.Minute
)

// Run serves until ctx ends; then it accepts nothing more and lets requests
// in flight finish for up to 10 s, and cuts off upgraded connections and what
// is left. It returns nil after such an end, and an error if the options are
// incomplete or the listener fails.
func Run(ctx context.Context, o Options) error {
	o, err := o.check()
	if err != nil {
		return err
	}
	// What serves the requests in flight goes on while they drain.
	serving, cut := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	defer background.Wait()
	defer cut()

	f := &fleet{log: o.Logger, prober: newProber(o.Logger), probing: map[*instance]context.CancelFunc{}}
	w := &watcher{nomad: o.Nomad, log: o.Logger, publish: f.publish}
	background.Go(func() { w.run(serving) })

	p := &proxy{fleet: f, access: &accessLog{w: o.AccessLog}, log: o.Logger}
	var running sync.RWMutex // read-locked by every request
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !running.TryRLock() {
				panic(http.ErrAbortHandler) // Run is about to return
			}
			defer running.RUnlock()
			p.ServeHTTP(w, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return serving },
		ReadHeaderTimeout: clientHeaderTimeout,
		IdleTimeout:       clientIdleTimeout,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(o.Listen) }()

	select {
	case err := <-served:
		server.Close()
		return fmt.Errorf("router: accept connections on %s: %w", o.Listen.Addr(), err)
	case <-ctx.Done():
	}
	o.Logger.Info("stopping: letting requests in flight finish", "for", drainTimeout)
	drain(server, o.Logger)
	cut()
	running.Lock()
	return nil
}

// drain lets the server's requests finish, and ends those that do not in time.
func drain(server *http.Server, log *slog.Logger) {
	end, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(end); errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off that had not finished", "after", drainTimeout)
	}
	server.Close()
}
