package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sync/errgroup"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// followPoll is how often instances and their logs are looked at.
const followPoll = 250 * time.Millisecond

// looksPerList is how many of those looks pass between two lists of the
// space's jobs: what stages, and what came new into the project.
const looksPerList = 4

// followPatience is how long Nomad may not answer before following ends.
const followPatience = 15 * time.Second

// follower reads the logs of the instances that come and go.
type follower struct {
	r       *Reconciler
	options LogOptions

	known    map[string]*source // by allocation
	stagings *stagings

	mu   sync.Mutex
	tell func(AppLine) error
	err  error // of tell
}

func newFollower(r *Reconciler, o LogOptions, tell func(AppLine) error) *follower {
	return &follower{r: r, options: o, tell: tell, known: map[string]*source{}, stagings: newStagings(time.Now())}
}

// emit tells one line; several instances are read at once.
func (f *follower) emit(line AppLine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = f.tell(line)
	}
}

// source is one instance whose log is read.
type source struct {
	f     *follower
	app   string
	alloc *api.AllocationListStub
	task  string
	label string

	streams []*nomad.LogReader
	lines   []*lineWriter // of streams
	fresh   bool          // what is read now was not there before
	ended   bool          // the task was seen to have ended at an earlier look
	done    bool          // everything was read
}

// source makes the reader of an instance of an app or of its staging.
func (f *follower) source(job *api.JobListStub, a *api.AllocationListStub) *source {
	s := &source{f: f, app: job.Meta[nomad.MetaApp], alloc: a, task: nomad.TaskName}
	s.label = fmt.Sprintf("APP/PROC/%s/%d", strings.ToUpper(a.TaskGroup), nomad.AllocIndex(a.Name))
	if job.Type == api.JobTypeBatch {
		s.task, s.label = nomad.StagingTask, "STG/0"
	}
	for _, stream := range []string{nomad.Stdout, nomad.Stderr} {
		s.streams = append(s.streams, f.r.Nomad.LogReader(a.ID, stream))
		s.lines = append(s.lines, &lineWriter{line: func(text string) { s.line(stream, text) }})
	}
	return s
}

// line tells one line.
func (s *source) line(stream, text string) {
	label := s.label
	if sidecar, rest := lifecycle.CutSidecar(text); sidecar != "" && s.task == nomad.TaskName {
		process, index, _ := strings.Cut(strings.TrimPrefix(label, "APP/PROC/"), "/")
		label, text = "APP/PROC/"+process+"/SIDECAR/"+strings.ToUpper(sidecar)+"/"+index, rest
	}
	line := AppLine{App: s.app, Alloc: s.alloc.ID, Instance: nomad.AllocIndex(s.alloc.Name),
		LogLine: LogLine{Source: label, Stderr: stream == nomad.Stderr, Text: text}}
	if s.task == nomad.TaskName {
		line.Process = s.alloc.TaskGroup
	} else {
		s.f.stagings.told(s.app, text)
	}
	if s.fresh {
		line.At = time.Now()
	}
	s.f.emit(line)
}

// tail tells the last lines of both streams.
func (s *source) tail(ctx context.Context, lines int) error {
	files, err := s.f.r.Nomad.LogFiles(ctx, s.alloc.ID, s.task)
	if err != nil {
		return err
	}
	for i, stream := range s.streams {
		text, err := stream.Tail(ctx, files, lines)
		if err != nil {
			return err
		}
		s.lines[i].Write(text)
	}
	return nil
}

// read tells what was written since the last time. An instance is done one
// look after it was seen to have ended: what it wrote last reaches its log
// about when Nomad says so.
func (s *source) read(ctx context.Context) error {
	last := s.ended
	s.ended = last || nomad.Ended(s.alloc)
	files, err := s.f.r.Nomad.LogFiles(ctx, s.alloc.ID, s.task)
	if err != nil {
		return err
	}
	for i, stream := range s.streams {
		if err := stream.Read(ctx, files, s.lines[i]); err != nil {
			return err
		}
	}
	if last {
		s.flush()
		s.done = true
	}
	return nil
}

// flush tells the last lines that have no end.
func (s *source) flush() {
	for _, l := range s.lines {
		l.flush()
	}
}

// follow tells lines until ctx ends or all the apps are gone. With open it
// also takes up apps that are new in the project. A Nomad that does not
// answer for a moment is asked again: nothing is lost, nothing comes twice.
func (f *follower) follow(ctx context.Context, jobs []*api.JobListStub, open bool) error {
	if err := f.look(ctx, jobs, true); err != nil {
		return err
	}
	if err := f.staged(ctx, jobs, true); err != nil {
		return err
	}
	answered := time.Now()
	for n := 1; ; n++ {
		if err := sleep.For(ctx, followPoll); err != nil {
			return err
		}
		now, err := f.again(ctx, jobs, open, n%looksPerList == 0)
		switch {
		case err == nil:
			jobs, answered = now, time.Now()
		case f.err != nil || ctx.Err() != nil || !nomad.Transient(err) || time.Since(answered) > followPatience:
			return err
		}
		if err == nil && len(jobs) == 0 && !open && f.drained() {
			return nil
		}
	}
}

// again looks once more, with list after finding out which jobs to look at.
func (f *follower) again(ctx context.Context, jobs []*api.JobListStub, open, list bool) ([]*api.JobListStub, error) {
	if list {
		var err error
		if jobs, err = f.list(ctx, jobs, open); err != nil {
			return jobs, err
		}
		if err := f.staged(ctx, jobs, false); err != nil {
			return jobs, err
		}
	}
	return jobs, f.look(ctx, jobs, false)
}

// list is what the followed jobs are now: those that are still there, what
// stages for them, and with open all that is new in the project.
func (f *follower) list(ctx context.Context, followed []*api.JobListStub, open bool) ([]*api.JobListStub, error) {
	all, err := f.r.Nomad.OwnedJobs(ctx)
	if err != nil {
		return nil, err
	}
	return followedJobs(all, followed, open, f.r.Options.Project), nil
}

// followedJobs chooses among all jobs of a space.
func followedJobs(all, followed []*api.JobListStub, open bool, project string) []*api.JobListStub {
	mine := map[string]bool{}
	for _, job := range followed {
		mine[job.ID] = job.Type == api.JobTypeService
	}
	var out []*api.JobListStub
	for _, job := range all {
		id := job.ID
		if job.Type == api.JobTypeBatch {
			app, _, _, ok := blob.ParseStagingJobID(job.ID)
			if !ok {
				continue
			}
			id = app
		}
		if mine[id] || open && (project == "" || job.Meta[nomad.MetaProject] == project) {
			out = append(out, job)
		}
	}
	return out
}

// drained says whether every instance's log was told to its end.
func (f *follower) drained() bool {
	for _, s := range f.known {
		if !s.done {
			return false
		}
	}
	return true
}

// look finds new instances and reads every log once, several at a time.
// first is the look that finds what was there before.
func (f *follower) look(ctx context.Context, jobs []*api.JobListStub, first bool) error {
	seen := map[string]bool{}
	for _, job := range jobs {
		if err := f.find(ctx, job, first, seen); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for id, s := range f.known {
		switch {
		case s.done:
			continue
		case !seen[id]:
			s.ended = true // Nomad has forgotten it, its log may still be there
		}
		group.Go(func() error { return s.read(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return f.err
}

// find takes up the new instances of a job. Of those that were there at the
// first look only the newest of each index count, from their last lines on.
func (f *follower) find(ctx context.Context, job *api.JobListStub, first bool, seen map[string]bool) error {
	allocs, err := f.r.Nomad.Allocations(ctx, job.ID)
	if err != nil {
		return err
	}
	newest := map[string]bool{}
	for _, a := range recentOf(allocs, f.options, 1) {
		newest[a.ID] = true
	}
	for _, a := range allocs {
		if !f.options.wants(a) {
			continue
		}
		seen[a.ID] = true
		if s := f.known[a.ID]; s != nil {
			s.alloc = a
			continue
		}
		s := f.source(job, a)
		f.known[a.ID] = s
		switch {
		case !first:
		case !newest[a.ID] && nomad.Ended(a):
			s.done = true
		default:
			if err := s.tail(ctx, f.options.Lines); err != nil {
				return err
			}
		}
		s.fresh = true
	}
	return nil
}
