package router

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// fleet turns the claims of each round into the table that requests use, and
// has every instance in it probed.
type fleet struct {
	table   atomic.Pointer[table] // nil until the first round
	log     *slog.Logger
	prober  *prober
	probing map[*instance]context.CancelFunc
	notices noticeboard
}

// publish makes the claims the table. The first time it waits until each
// instance was probed, so that a router that starts does not answer "not
// ready" for an app that is.
func (f *fleet) publish(ctx context.Context, claims []claim) {
	live := map[*instance]bool{}
	for _, c := range claims {
		live[c.instance] = true
		if f.probing[c.instance] == nil {
			probeCtx, cancel := context.WithCancel(ctx)
			f.probing[c.instance] = cancel
			go f.prober.follow(probeCtx, c.instance)
		}
	}
	t, notices := buildTable(claims)
	for _, n := range f.notices.fresh(notices) {
		f.log.Warn(n)
	}
	if f.table.Load() == nil {
		awaitProbes(ctx, claims)
		f.log.Info("serving", "routes", t.size(), "instances", len(live))
	}
	f.table.Store(t)
	for i, cancel := range f.probing {
		if !live[i] {
			cancel()
			delete(f.probing, i)
			i.transport.CloseIdleConnections()
		}
	}
}

// awaitProbes waits for the first probe of every instance; a probe has a
// time limit of its own, all of them run at once.
func awaitProbes(ctx context.Context, claims []claim) {
	limit := time.After(2 * probeTimeout)
	for _, c := range claims {
		select {
		case <-c.instance.probed:
		case <-limit:
			return
		case <-ctx.Done():
			return
		}
	}
}
