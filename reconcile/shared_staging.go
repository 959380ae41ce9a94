package reconcile

import (
	"fmt"
	"slices"
	"sync"

	"wadi/spec"
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

// sharedKey is what apps have in common of which one is staged for all: what
// is staged, with whose rights, and on which nodes. It holds a password, and
// stays in memory.
func (w *work) sharedKey() string {
	key := struct {
		StagingKey string
		Login      login
		Driver     string
		Image      string
		Nodes      spec.Placement
	}{StagingKey: w.pinned.StagingKey}
	if l := w.pinned.Login; l != nil {
		key.Login = *l
		if l.Fleeting {
			key.Login.Password = "" // Docker's own for all apps, and new each time
		}
	}
	stack := w.want.Stack
	if w.want.Staging != nil {
		stack = *w.want.Staging
	}
	key.Driver, key.Image, key.Nodes = stack.Driver, stack.Image, stack.Placement
	return string(mustJSON(key))
}

// shareStagings marks the stagings that another app's stands for.
func (p *Plan) shareStagings() {
	first := map[string]string{}
	for _, app := range p.Apps {
		if app.work == nil {
			continue
		}
		at := slices.IndexFunc(app.Operations, func(op Operation) bool { return op.Kind == Stage })
		if at < 0 {
			continue
		}
		key := app.work.sharedKey()
		if other, ok := first[key]; ok {
			app.work.shares = true
			app.Operations[at].Reason += ", and once for it and app " + other
		} else {
			first[key] = app.App
		}
	}
}
