package reconcile

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// A staging job is purged as soon as it has ended, so its last lines, or all
// of a quick one, are gone before a follower sees them. They are in the log
// that the staging stored: when an app's record has a new version, the
// follower tells what it has not told yet.

// stagingClock is how far the clocks of nodes may differ from ours.
const stagingClock = time.Minute

// stagings is what a follower knows of the stagings of its apps.
type stagings struct {
	since time.Time
	seed  maphash.Seed
	known map[string]bool // job, staging key and generation

	mu    sync.Mutex
	lines map[string]map[uint64]int // by app: how often a line was told
}

func newStagings(now time.Time) *stagings {
	return &stagings{since: now.Add(-stagingClock), seed: maphash.MakeSeed(), known: map[string]bool{}, lines: map[string]map[uint64]int{}}
}

// told remembers a line that was told while the staging ran.
func (s *stagings) told(app, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines[app] == nil {
		s.lines[app] = map[uint64]int{}
	}
	s.lines[app][maphash.String(s.seed, text)]++
}

// wasTold says whether a line of the stored log was told already, and takes
// that telling off the account.
func (s *stagings) wasTold(app, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := maphash.String(s.seed, text)
	if s.lines[app][hash] == 0 {
		return false
	}
	s.lines[app][hash]--
	return true
}

// forget ends the account of an app.
func (s *stagings) forget(app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lines, app)
}

// isNew says whether a version's staging was not known, and makes it known.
func (s *stagings) isNew(job string, rev revisionRecord) bool {
	id := fmt.Sprintf("%s %s %d", job, rev.StagingKey, rev.Generation)
	known := s.known[id]
	s.known[id] = true
	return !known
}

// staged tells what was not told yet of the stagings of new versions; first
// only finds out which versions there are.
func (f *follower) staged(ctx context.Context, jobs []*api.JobListStub, first bool) error {
	if f.options.Process != "" || f.options.Instance > 0 {
		return nil
	}
	for _, job := range jobs {
		if job.Type != api.JobTypeService {
			continue
		}
		rec, err := f.r.record(ctx, job.ID)
		if err != nil {
			return err
		}
		for _, rev := range rec.Revisions {
			if f.stagings.isNew(job.ID, rev) && !first {
				f.restOfStaging(ctx, job.Meta[nomad.MetaApp], rev.StagingKey)
			}
		}
	}
	return nil
}

// restOfStaging tells the stored lines of a staging that were not told while
// it ran. That they cannot be read ends nothing.
func (f *follower) restOfStaging(ctx context.Context, app, key string) {
	now := time.Now()
	line := func(text string, stderr bool) AppLine {
		return AppLine{App: app, At: now, LogLine: LogLine{Source: "STG/0", Stderr: stderr, Text: text}}
	}
	err := f.r.stagingLog(ctx, app, key, f.stagings.since, func(stored AppLine) error {
		if !f.stagings.wasTold(app, stored.Text) {
			f.emit(line(stored.Text, false))
		}
		return nil
	})
	f.stagings.forget(app)
	var none *NoStagingLogError
	if err != nil && !errors.As(err, &none) && ctx.Err() == nil {
		f.emit(line("the rest of the staging log cannot be read: "+err.Error(), true))
	}
}
