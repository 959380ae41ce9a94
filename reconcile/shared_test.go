package reconcile

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// What apps have in common is done once, and fails for all of them; who comes
// later, or asks for something else, is on its own.
func TestShared(t *testing.T) {
	t.Parallel()
	for _, fails := range []error{nil, errors.New("no such image")} {
		s := shared[int]{what: "staging", same: "image"}
		var runs, waiting atomic.Int32
		together := make(chan struct{}) // closed when all but the first wait
		work := func() (int, error) {
			runs.Add(1)
			<-together
			return 7, fails
		}
		const apps = 4
		var all sync.WaitGroup
		for range apps {
			all.Go(func() {
				result, err := s.do("key", "one", work, func(app string) {
					if app != "one" {
						t.Errorf("waits for %q", app)
					}
					if waiting.Add(1) == apps-1 {
						close(together)
					}
				})
				if !errors.Is(err, fails) || fails == nil && result != 7 {
					t.Errorf("%+v, %v", result, err)
				}
			})
		}
		all.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d runs", n)
		}
		for _, key := range []string{"key", "other"} {
			if _, err := s.do(key, "two", work, func(string) { t.Error("waits for nobody") }); !errors.Is(err, fails) {
				t.Error(err)
			}
		}
		if n := runs.Load(); n != 3 {
			t.Errorf("%d runs", n)
		}
	}
}
