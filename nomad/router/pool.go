package router

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// pool is one route and the instances that serve it.
type pool struct {
	route     route
	app       app
	instances []*instance // by index; each allocation once
	next      atomic.Uint32
}

// newPool keeps those instances that are the app's.
func newPool(r route, owner app, instances []*instance) *pool {
	p := &pool{route: r, app: owner}
	for _, i := range instances {
		if i.app == owner {
			p.instances = append(p.instances, i)
		}
	}
	slices.SortFunc(p.instances, func(a, b *instance) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.alloc, b.alloc))
	})
	p.instances = slices.CompactFunc(p.instances, func(a, b *instance) bool { return a.alloc == b.alloc })
	// Tables are rebuilt on every change; were the turn to start at 0 each
	// time, the first instance would get more than its share.
	p.next.Store(rand.Uint32())
	return p
}

// pick takes the ready instances in turn, without those in tried; that of
// allocation sticky goes first. One that could not be reached a moment ago is
// taken only if there is no other. It returns nil if none is left.
func (p *pool) pick(sticky string, tried []*instance, now time.Time) *instance {
	var good, suspect []*instance
	for _, i := range p.instances {
		switch {
		case !i.ready.Load() || slices.Contains(tried, i):
		case i.alloc == sticky:
			return i
		case i.suspect(now):
			suspect = append(suspect, i)
		default:
			good = append(good, i)
		}
	}
	if len(good) == 0 {
		good = suspect
	}
	if len(good) == 0 {
		return nil
	}
	return good[int(p.next.Add(1)%uint32(len(good)))]
}
