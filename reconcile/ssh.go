package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// ShellOptions say where a shell runs and what is at its ends.
type ShellOptions struct {
	Process        string
	Instance       int    // index
	Command        string // a shell command line; "" = an interactive shell
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       *Terminal // nil = none
}

// Terminal is what a shell runs on.
type Terminal struct {
	Kind string // TERM
	// Sizes tells its sizes, the first one too.
	Sizes <-chan nomad.TerminalSize
	// Enter is called once, when the shell is about to begin: until then
	// Ctrl-C is for wadi.
	Enter func() error
}

// NotRunningError is an instance that does not run, so nothing can run
// beside it. Running are the instances of the app that do.
type NotRunningError struct {
	App, Process string
	Index        int
	State        string
	Running      []string // "web/0"
}

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("instance %d of process %s of app %q is %s", e.Index, e.Process, e.App, e.State)
}

// Hint says what to do next.
func (e *NotRunningError) Hint() string {
	if len(e.Running) == 0 {
		return "none of its instances runs; `wadi status " + e.App + "` says why"
	}
	return "running: " + strings.Join(e.Running, ", ")
}

// Shell runs a shell beside an instance, with that instance's environment and
// rights, and answers its exit code. It ends when ctx ends, and the shell with
// it. An exit code is that of a shell that has run; where Nomad loses one the
// error is a *NoShellError, if it cannot have begun, or a *LostShellError.
func (r *Reconciler) Shell(ctx context.Context, app string, o ShellOptions) (int, error) {
	job, err := r.deployed(ctx, app)
	if err != nil {
		return 0, err
	}
	alloc, err := r.runningInstance(ctx, job, o.Process, o.Instance)
	if err != nil {
		return 0, err
	}
	execute := func(ctx context.Context, e nomad.Exec) (int, error) {
		return r.Nomad.Exec(ctx, alloc.ID, nomad.TaskName, e)
	}
	code, err := shell(ctx, execute, o)
	var none *NoShellError
	var lost *LostShellError
	switch {
	case errors.As(err, &none):
		none.App = app
	case errors.As(err, &lost):
		lost.App = app
		if now, e := r.Nomad.Allocation(ctx, alloc.ID); e == nil {
			lost.Why = cmp.Or(endOfInstance(alloc, now), lost.Why)
		}
	}
	return code, err
}

// runningInstance is the instance of a process that has an index, if it runs.
func (r *Reconciler) runningInstance(ctx context.Context, job *api.Job, process string, index int) (*api.AllocationListStub, error) {
	group, err := processGroup(job, process)
	if err != nil {
		return nil, err
	}
	allocs, err := r.Nomad.Allocations(ctx, *job.ID)
	if err != nil {
		return nil, err
	}
	app := job.Meta[nomad.MetaApp]
	alloc := instanceAt(allocs, *group.Name, index)
	switch {
	case alloc == nil && (isStopped(job) || index >= *group.Count):
		unknown := &UnknownInstanceError{App: app, Process: process, Index: index, Count: *group.Count}
		if isStopped(job) {
			unknown.Count = 0
		}
		return nil, unknown
	case alloc == nil:
		return nil, &NotRunningError{App: app, Process: process, Index: index, State: StateDown, Running: runningNames(allocs)}
	}
	if state := instanceStatus(alloc).State; state != StateRunning {
		return nil, &NotRunningError{App: app, Process: process, Index: index, State: state, Running: runningNames(allocs)}
	}
	return alloc, nil
}

// runningNames are the instances that run: "web/0", sorted.
func runningNames(allocs []*api.AllocationListStub) []string {
	var names []string
	for _, a := range allocs {
		if instanceStatus(a).State == StateRunning {
			names = append(names, fmt.Sprintf("%s/%d", a.TaskGroup, nomad.AllocIndex(a.Name)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
