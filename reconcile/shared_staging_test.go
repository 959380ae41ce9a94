package reconcile

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wadi/stage/lifecycle"
)

// Apps of one image are staged once, and fail together; who comes later, or
// asks for something else, is on its own.
func TestSharedStagings(t *testing.T) {
	t.Parallel()
	for _, fails := range []error{nil, errors.New("no such image")} {
		var s sharedStagings
		var stagings, waiting atomic.Int32
		together := make(chan struct{}) // closed when all but the first wait
		stage := func() (lifecycle.Result, error) {
			stagings.Add(1)
			<-together
			return lifecycle.Result{Generation: 7}, fails
		}
		const apps = 4
		var all sync.WaitGroup
		for range apps {
			all.Go(func() {
				result, err := s.do("key", "one", stage, func(app string) {
					if app != "one" {
						t.Errorf("waits for %q", app)
					}
					if waiting.Add(1) == apps-1 {
						close(together)
					}
				})
				if !errors.Is(err, fails) || fails == nil && result.Generation != 7 {
					t.Errorf("%+v, %v", result, err)
				}
			})
		}
		all.Wait()
		if n := stagings.Load(); n != 1 {
			t.Errorf("%d stagings", n)
		}
		for _, key := range []string{"key", "other"} {
			if _, err := s.do(key, "two", stage, func(string) { t.Error("waits for nobody") }); !errors.Is(err, fails) {
				t.Error(err)
			}
		}
		if n := stagings.Load(); n != 3 {
			t.Errorf("%d stagings", n)
		}
	}
}

// The plan says which stagings are one, and counts that once.
func TestShareStagings(t *testing.T) {
	t.Parallel()
	app := func(name, key string, l *login, kinds ...Kind) AppPlan {
		out := AppPlan{App: name, work: &work{pinned: pinned{StagingKey: key, Login: l}}}
		for _, kind := range kinds {
			out.Operations = append(out.Operations, Operation{kind, "", "new"})
		}
		return out
	}
	bob := &login{Shown: "bob at registry.example.com"}
	p := Plan{Apps: []AppPlan{
		app("known", "k", nil, Write, Register), app("one", "k", nil, Stage, Write), app("two", "k", nil, Stage, Write), app("bobs", "k", bob, Stage),
		app("other", "o", nil, Upload, Stage), app("three", "k", nil, Stage), {App: "gone", Operations: []Operation{{Stop, "", ""}}},
	}}
	p.shareStagings()
	p.summarize()
	if p.Summary.Stage != 3 {
		t.Errorf("%d to stage", p.Summary.Stage)
	}
	for _, a := range p.Apps {
		want := a.App == "two" || a.App == "three"
		if got := strings.Contains(text(a.Operations), `"reason":"new, and once for it and app one"`); got != want {
			t.Errorf("%s: %s", a.App, text(a.Operations))
		}
	}
}
