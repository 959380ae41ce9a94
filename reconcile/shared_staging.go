package reconcile

import (
	"fmt"
	"slices"
	"sync"

	"wadi/stage/lifecycle"
)

// sharedStagings lets the apps of one plan that have the same image, which
// would ask its registry for the same with the same rights, be staged once.
type sharedStagings struct {
	mu      sync.Mutex
	running map[string]*sharedStaging
}

type sharedStaging struct {
	app    string
	ended  chan struct{} // closed when the rest is there
	result lifecycle.Result
	err    error
}

// do stages, or waits for another app that does it for the same key; first
// waits is told of which.
func (s *sharedStagings) do(key, app string, stage func() (lifecycle.Result, error), waits func(app string)) (lifecycle.Result, error) {
	s.mu.Lock()
	other := s.running[key]
	if other == nil {
		own := &sharedStaging{app: app, ended: make(chan struct{})}
		if s.running == nil {
			s.running = map[string]*sharedStaging{}
		}
		s.running[key] = own
		s.mu.Unlock()
		own.result, own.err = stage()
		s.mu.Lock()
		delete(s.running, key) // who comes later finds the result, or tries for itself
		s.mu.Unlock()
		close(own.ended)
		return own.result, own.err
	}
	s.mu.Unlock()
	waits(other.app)
	<-other.ended // the same end of ctx ends it
	if other.err != nil {
		return lifecycle.Result{}, fmt.Errorf("the staging for app %s, which has the same image: %w", other.app, other.err)
	}
	return other.result, nil
}

// sharedKey is what apps have in common of which one is staged for all.
func (p pinned) sharedKey() string {
	if p.Login == nil {
		return p.StagingKey
	}
	return p.StagingKey + " " + p.Login.Shown
}

// shareStagings marks the stagings that another app's stands for.
func (p *Plan) shareStagings() {
	first := map[string]string{}
	for _, app := range p.Apps {
		if app.work == nil {
			continue
		}
		key := app.work.pinned.sharedKey()
		at := slices.IndexFunc(app.Operations, func(op Operation) bool { return op.Kind == Stage })
		if at < 0 {
			continue
		}
		if other, ok := first[key]; ok {
			app.work.shares = true
			app.Operations[at].Reason += ", and once for it and app " + other
		} else {
			first[key] = app.App
		}
	}
}
