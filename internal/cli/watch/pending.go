package watch

import (
	"slices"
	"time"
)

// Change is what has changed since the last one.
type Change struct {
	// Paths are absolute, links resolved, each once, as they came; at most
	// maxPaths. They may be gone. None = it is not known what has changed.
	Paths []string
	// More is how many paths there are beside those.
	More int
}

// maxPaths bounds the paths of a Change: people read the first few.
const maxPaths = 100

// pending gathers what changes until it has been quiet for a while, or until
// that has been waited for long enough.
type pending struct {
	quiet, limit time.Duration

	any         bool
	first, last time.Time
	change      Change
	more        map[string]bool
}

// add takes one changed path; "" is something unknown.
func (p *pending) add(path string, now time.Time) {
	if !p.any {
		p.any, p.first = true, now
	}
	p.last = now
	switch {
	case path == "" || slices.Contains(p.change.Paths, path):
	case len(p.change.Paths) < maxPaths:
		p.change.Paths = append(p.change.Paths, path)
	default:
		if p.more == nil {
			p.more = map[string]bool{}
		}
		p.more[path] = true
		p.change.More = len(p.more)
	}
}

// due is when the change is to be told; false = there is none.
func (p *pending) due() (time.Time, bool) {
	at, limit := p.last.Add(p.quiet), p.first.Add(p.limit)
	if limit.Before(at) {
		at = limit
	}
	return at, p.any
}

// reset begins anew, once the change was told.
func (p *pending) reset() {
	p.any, p.change, p.more = false, Change{}, nil
}
