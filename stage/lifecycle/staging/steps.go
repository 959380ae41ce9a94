package staging

import (
	"strings"
	"sync"
	"time"
)

// steps knows what a staging spent its time on.
type steps struct {
	now func() time.Time

	mu  sync.Mutex // the timeout is worded where it is noticed
	all []step
}

type step struct {
	what  string
	began time.Time
}

func newSteps(now func() time.Time) *steps { return &steps{now: now} }

// begin ends the step before.
func (s *steps) begin(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step{what, s.now()})
}

// String names the steps that took a second or more, and the one that runs.
func (s *steps) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for i, step := range s.all {
		end, last := s.now(), i == len(s.all)-1
		if !last {
			end = s.all[i+1].began
		}
		if took := end.Sub(step.began).Round(time.Second); last || took >= time.Second {
			out = append(out, step.what+" "+took.String())
		}
	}
	return strings.Join(out, ", ")
}
