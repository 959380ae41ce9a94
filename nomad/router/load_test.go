package router

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// loading is a load on one route.
type loading struct {
	stop   func()
	mu     sync.Mutex
	total  int
	failed []string
}

// load asks for a route over and over from four clients.
func (r *running) load(t *testing.T, host string) *loading {
	done := make(chan struct{})
	l := &loading{}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for tick := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-done:
					tick.Stop()
					return
				case <-tick.C:
				}
				status, body := r.get(t, host, "/")
				l.mu.Lock()
				l.total++
				if status != 200 {
					l.failed = append(l.failed, fmt.Sprint(status, " ", body))
				}
				l.mu.Unlock()
			}
		})
	}
	l.stop = sync.OnceFunc(func() { close(done); clients.Wait() })
	t.Cleanup(l.stop)
	return l
}

// check ends the load and fails the test if a request failed.
func (l *loading) check(t *testing.T) {
	t.Helper()
	l.stop()
	t.Logf("%d requests, %d failed", l.total, len(l.failed))
	if len(l.failed) > 0 || l.total == 0 {
		t.Errorf("%d of %d requests failed: %q", len(l.failed), l.total, l.failed[:min(3, len(l.failed))])
	}
}
