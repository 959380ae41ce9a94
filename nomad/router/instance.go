package router

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// headerTimeout is how long an app may think before it answers: Cloud
	// Foundry's own default for a request (router.requestTimeoutInSeconds).
	headerTimeout = 15 * time.Minute
	// idleTimeout ends a kept connection before the app's server does (2 s
	// with gunicorn, 5 s with Node.js), and before an instance that left
	// the table gets its SIGTERM (shutdown_delay, 2 s): a request that
	// cannot be sent twice never meets a connection that is just closing.
	idleTimeout = 1500 * time.Millisecond
	// suspicion is how long an instance that could not be reached is passed
	// over where there is another.
	suspicion = 2 * time.Second
)

// app is the job behind a route. Jobs are told apart by namespace and id; the
// create index also tells a job from its purged namesake.
type app struct {
	namespace, job string
	createIndex    uint64
	name           string // the app's own, from the job's meta
}

// String names the app, with its space where a message may concern several.
func (a app) String() string { return fmt.Sprintf("app %s (space %s)", a.name, a.namespace) }

// instance is one allocation of an app.
type instance struct {
	app    app
	alloc  string
	index  int
	addr   string // host:port of the app
	health string // host:port of its supervisor

	transport *http.Transport
	ready     atomic.Bool
	suspected atomic.Int64  // Unix nanoseconds: until then not to be preferred
	probeNow  chan struct{} // wakes the prober
	probed    chan struct{} // closed after the first probe
}

// newInstance makes an instance that is not ready yet. Its transport can
// reach nothing but the instance's own address.
func newInstance(a app, alloc string, index int, addr, health string) *instance {
	i := &instance{
		app: a, alloc: alloc, index: index, addr: addr, health: health,
		probeNow: make(chan struct{}, 1),
		probed:   make(chan struct{}),
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	i.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr)
		},
		DisableCompression:    true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       idleTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ExpectContinueTimeout: time.Second,
	}
	return i
}

// unreachable notes that a connection failed and has the supervisor asked at once.
func (i *instance) unreachable(now time.Time) {
	i.suspected.Store(now.Add(suspicion).UnixNano())
	select {
	case i.probeNow <- struct{}{}:
	default:
	}
}

func (i *instance) suspect(now time.Time) bool { return now.UnixNano() < i.suspected.Load() }
