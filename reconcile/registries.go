package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/inspect"
)

// planRetry is how long a plan waits for registries. Its patience ends the
// attempts: they are for a registry that refuses, not for one that takes its
// time.
var planRetry = inspect.Retry{Attempts: 2, Delay: time.Second / 2, Patience: 5 * time.Second}

// registries are what registries have said to one plan, whose apps ask at the
// same time: an image that several of them have is asked for once, so that it
// is the same one for all, and one silence of a registry counts for all.
type registries struct {
	mu      sync.Mutex
	answers map[question]*answer
	silent  map[string]*inspect.Error // by registry
}

// question is one image, asked for with somebody's rights.
type question struct {
	image string
	login inspect.Login // zero = anybody's
}

type answer struct {
	given chan struct{} // closed when the rest is there
	meta  lifecycle.ImageMetadata
	err   error
}

func newRegistries() *registries {
	return &registries{answers: map[question]*answer{}, silent: map[string]*inspect.Error{}}
}

// ask asks, or answers what was asked before.
func (r *registries) ask(ctx context.Context, image string, o inspect.Options) (lifecycle.ImageMetadata, error) {
	q := question{image: image}
	if o.Login != nil {
		q.login = *o.Login
	}
	r.mu.Lock()
	a, asked := r.answers[q]
	if !asked {
		a = &answer{given: make(chan struct{})}
		r.answers[q] = a
	}
	r.mu.Unlock()
	if !asked {
		a.meta, a.err = r.askAnew(ctx, image, o)
		close(a.given)
		return a.meta, a.err
	}
	select {
	case <-a.given:
		return a.meta, a.err
	case <-ctx.Done():
		return lifecycle.ImageMetadata{}, context.Cause(ctx)
	}
}

func (r *registries) askAnew(ctx context.Context, image string, o inspect.Options) (lifecycle.ImageMetadata, error) {
	host, err := inspect.Registry(image)
	if err != nil {
		return inspect.Image(ctx, image, o) // which says what is wrong with the name
	}
	r.mu.Lock()
	silence := r.silent[host]
	r.mu.Unlock()
	if silence != nil {
		same := *silence
		same.Reference = image
		return lifecycle.ImageMetadata{}, &same
	}
	meta, err := inspect.Image(ctx, image, o)
	var known *inspect.Error
	if errors.As(err, &known) && known.Silent() {
		r.mu.Lock()
		r.silent[host] = known
		r.mu.Unlock()
	}
	return meta, err
}
