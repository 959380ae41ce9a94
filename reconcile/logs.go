package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// LogOptions select what Logs tells.
type LogOptions struct {
	Process  string // "" = all
	Instance int    // index; -1 = all
	// Lines is how many of the last lines of each stream of an instance
	// come first.
	Lines int
	// Recent ends after those, dead instances included; without it the log
	// is followed until ctx ends or the apps are destroyed.
	Recent bool
}

// AppLine is one line of an app's log.
type AppLine struct {
	App string
	LogLine
	Alloc    string
	Process  string // "" for staging
	Instance int
	// At is when the line was read; zero for a line that was there before:
	// Nomad keeps no times.
	At time.Time
}

// recentInstances is how many instances of one index Recent shows: the one
// that runs, or died last, and those before it.
const recentInstances = 3

// Logs tells the log lines of the named apps; no names = all of the project,
// or of the space if the options name no project. tell is called by one at a
// time; its error ends Logs. Lines of one stream are in order; Nomad gives
// two streams no common order.
func (r *Reconciler) Logs(ctx context.Context, names []string, o LogOptions, tell func(AppLine) error) error {
	jobs, err := r.selectJobs(ctx, names)
	if err != nil {
		return err
	}
	for _, stub := range jobs {
		if err := r.checkProcess(ctx, stub, o.Process); err != nil {
			return err
		}
	}
	f := newFollower(r, o, tell)
	if o.Recent {
		return f.recent(ctx, jobs)
	}
	return f.follow(ctx, jobs, len(names) == 0)
}

// checkProcess refuses a process type that the app does not have.
func (r *Reconciler) checkProcess(ctx context.Context, stub *api.JobListStub, process string) error {
	if process == "" {
		return nil
	}
	job, err := r.jobOrStopped(ctx, stub.ID)
	if err != nil || job == nil {
		return err
	}
	_, err = processGroup(job, process)
	return err
}

// processGroup is the group of a process type of the job.
func processGroup(job *api.Job, process string) (*api.TaskGroup, error) {
	var known []string
	for _, g := range job.TaskGroups {
		if *g.Name == nomad.GroupName(process) {
			return g, nil
		}
		known = append(known, *g.Name)
	}
	return nil, &UnknownProcessError{App: job.Meta[nomad.MetaApp], Process: process, Known: known}
}

// wants says whether an instance of the job of an app is asked for.
func (o LogOptions) wants(a *api.AllocationListStub) bool {
	return (o.Process == "" || a.TaskGroup == nomad.GroupName(o.Process)) && (o.Instance < 0 || nomad.AllocIndex(a.Name) == o.Instance)
}

// recentOf are the instances whose last lines say how an app was doing:
// oldest first, at most recentInstances of one index.
func recentOf(allocs []*api.AllocationListStub, o LogOptions, perIndex int) []*api.AllocationListStub {
	newest := slices.Clone(allocs)
	slices.SortFunc(newest, func(a, b *api.AllocationListStub) int { return compareAge(b, a) })
	seen := map[string]int{}
	var out []*api.AllocationListStub
	for _, a := range newest {
		if seen[a.Name] == perIndex || !o.wants(a) {
			continue
		}
		seen[a.Name]++
		out = append(out, a)
	}
	slices.Reverse(out)
	return out
}

// compareAge orders instances as they were created.
func compareAge(a, b *api.AllocationListStub) int {
	switch {
	case a.CreateIndex < b.CreateIndex:
		return -1
	case a.CreateIndex > b.CreateIndex:
		return 1
	}
	return strings.Compare(a.Name, b.Name)
}

// recent tells the last lines and ends.
func (f *follower) recent(ctx context.Context, jobs []*api.JobListStub) error {
	for _, job := range jobs {
		allocs, err := f.r.Nomad.Allocations(ctx, job.ID)
		if err != nil {
			return err
		}
		for _, a := range recentOf(allocs, f.options, recentInstances) {
			s := f.source(job, a)
			if err := s.tail(ctx, f.options.Lines); err != nil {
				return err
			}
			s.flush()
			if f.err != nil {
				return f.err
			}
		}
	}
	return nil
}

// NoStagingLogError is an app whose staging left no log that is still there.
type NoStagingLogError struct{ App, Why string }

func (e *NoStagingLogError) Error() string {
	return fmt.Sprintf("there is no staging log of app %q: %s", e.App, e.Why)
}

// Hint says what to do next.
func (e *NoStagingLogError) Hint() string {
	return "`wadi apply --restage` stages again and shows the log"
}

// StagingLogs tells the whole staging logs of the versions that run, or for
// an app that never ran of the newest one. They are in the blob store, long
// after the staging jobs are gone.
func (r *Reconciler) StagingLogs(ctx context.Context, names []string, tell func(AppLine) error) error {
	jobs, err := r.selectJobs(ctx, names)
	if err != nil {
		return err
	}
	for _, stub := range jobs {
		key, err := r.stagingKey(ctx, stub.ID)
		if err != nil {
			return err
		}
		if err := r.stagingLog(ctx, stub.Meta[nomad.MetaApp], key, time.Time{}, tell); err != nil {
			return err
		}
	}
	return nil
}

// stagingLog tells the log of the staging with the key, if it ended after
// since.
func (r *Reconciler) stagingLog(ctx context.Context, app, key string, since time.Time, tell func(AppLine) error) error {
	if key == "" {
		return &NoStagingLogError{App: app, Why: "wadi has no record of how it was staged"}
	}
	body, err := r.Blobs.Result(ctx, r.Nomad.Space, key)
	var result lifecycle.Result
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return &NoStagingLogError{App: app, Why: "the blob store has no result of staging " + shortDigest(key)}
	case err != nil:
		return err
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return fmt.Errorf("the staging result %s cannot be read: %w", shortDigest(key), err)
	}
	if time.Unix(result.StagedAt, 0).Before(since) {
		return nil
	}
	if result.Log == "" {
		return &NoStagingLogError{App: app, Why: "staging " + shortDigest(key) + " kept none"}
	}
	log, err := r.Blobs.Open(ctx, result.Log)
	if errors.Is(err, blob.ErrNotFound) {
		return &NoStagingLogError{App: app, Why: "the blob store has lost it"}
	}
	if err != nil {
		return err
	}
	defer log.Close()
	var failed error
	lines := &lineWriter{line: func(text string) {
		if failed == nil {
			failed = tell(AppLine{App: app, LogLine: LogLine{Source: "STG/0", Text: text}})
		}
	}}
	if _, err := io.Copy(lines, log); err != nil {
		return err
	}
	lines.flush()
	return failed
}

// stagingKey is that of the revision that a job runs, or of the newest one;
// "" where the record has none.
func (r *Reconciler) stagingKey(ctx context.Context, id string) (string, error) {
	job, err := r.jobOrStopped(ctx, id)
	if err != nil || job == nil {
		return "", err
	}
	rec, err := r.record(ctx, id)
	if err != nil {
		return "", err
	}
	if runs, ok := rec.byKey(nomad.RevisionKey(job)); ok {
		return runs.StagingKey, nil
	}
	if n := len(rec.Revisions); n > 0 {
		return rec.Revisions[n-1].StagingKey, nil
	}
	return "", nil
}

// record reads what wadi remembers of an app.
func (r *Reconciler) record(ctx context.Context, id string) (record, error) {
	v, err := r.Nomad.ReadVariable(ctx, nomad.RecordPath(id))
	if err != nil {
		return record{}, err
	}
	return parseRecord(v.Items)
}
