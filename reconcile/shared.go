package reconcile

import (
	"fmt"
	"sync"
)

// shared lets apps of one plan that would do the same at the same time do it
// once.
type shared[T any] struct {
	what, same string // in errors: the "staging" for an app which has the same "image"

	mu      sync.Mutex
	running map[string]*sharedRun[T]
}

type sharedRun[T any] struct {
	app    string
	ended  chan struct{} // closed when the rest is there
	result T
	err    error
}

// do runs work, or waits for another app that does it for the same key; first
// waits is told of which.
func (s *shared[T]) do(key, app string, work func() (T, error), waits func(app string)) (T, error) {
	s.mu.Lock()
	other := s.running[key]
	if other == nil {
		own := &sharedRun[T]{app: app, ended: make(chan struct{})}
		if s.running == nil {
			s.running = map[string]*sharedRun[T]{}
		}
		s.running[key] = own
		s.mu.Unlock()
		own.result, own.err = work()
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
		var none T
		return none, fmt.Errorf("the %s for app %s, which has the same %s: %w", s.what, other.app, s.same, other.err)
	}
	return other.result, nil
}
