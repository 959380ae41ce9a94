package nomad

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
)

// TaskRun is one one-off task that there is something of: a job, a Variable
// or both.
type TaskRun struct {
	ID   string    // of its job
	Live bool      // it runs, or will
	Last time.Time // when something last happened to it
}

// TaskRuns lists the one-off tasks of an app.
func (c *Client) TaskRuns(ctx context.Context, appID string) ([]TaskRun, error) {
	jobs, err := c.OwnedJobs(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	var runs []TaskRun
	for _, job := range jobs {
		if of, ok := parseTaskJobID(job.ID); !ok || of != appID {
			continue
		}
		known[job.ID] = true
		run := TaskRun{ID: job.ID, Live: job.Status != "dead", Last: time.Unix(0, job.SubmitTime)}
		allocs, err := c.Allocations(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		for _, a := range allocs {
			if at := time.Unix(0, a.ModifyTime); at.After(run.Last) {
				run.Last = at
			}
		}
		runs = append(runs, run)
	}
	prefix := VariablePath(TaskJobID(appID, ""))
	variables, _, err := c.API.Variables().PrefixList(prefix, c.query(ctx))
	if err != nil {
		return nil, c.wrap("list the Nomad Variables below "+prefix+" in space "+c.Space, err)
	}
	for _, v := range variables {
		id := strings.TrimPrefix(v.Path, VariablePath(""))
		if of, ok := parseTaskJobID(id); ok && of == appID && !known[id] {
			runs = append(runs, TaskRun{ID: id, Last: time.Unix(0, v.CreateTime)})
		}
	}
	return runs, nil
}

// RemoveTask stops a one-off task, waits until nothing of it runs, and
// removes its job and its Variable. That there is none is no error.
func (c *Client) RemoveTask(ctx context.Context, id string) error {
	if err := c.RemoveJob(ctx, id); err != nil {
		return err
	}
	if err := c.DeleteVariable(ctx, LoginPath(id, TaskGroup)); err != nil {
		return err
	}
	return c.DeleteVariable(ctx, VariablePath(id))
}

// TaskOutput reads what an instance's task writes as it happens.
type TaskOutput struct {
	// Last is how the last line on standard error begins of a task that has
	// ended with that exit code, "" if it need not have one: until it is there
	// something may be missing. nil = such a line is not known.
	Last func(code int) string

	c              *Client
	alloc, task    string
	stdout, stderr *LogReader
	end            logEnd // of stderr
}

// TaskOutput makes a reader of both streams, from their beginning.
func (c *Client) TaskOutput(allocID, task string) *TaskOutput {
	return &TaskOutput{c: c, alloc: allocID, task: task, stdout: c.LogReader(allocID, Stdout), stderr: c.LogReader(allocID, Stderr)}
}

// LostOutputError is a task that wrote faster than its output could be read.
type LostOutputError struct{}

func (*LostOutputError) Error() string {
	return "part of the task's output was lost: it wrote faster than that was read, and Nomad keeps 100 MB of a stream"
}

// Hint says what to do next.
func (*LostOutputError) Hint() string {
	return "let the task write that much to a file, or where it belongs, by itself"
}

// outputPatience is how long Nomad may not answer before Copy gives up.
const outputPatience = 30 * time.Second

// lastLooks is how often, some 2 s, the last line of a task that has ended is
// looked for: Nomad keeps lines back for 0.1 s, on a busy machine for longer.
// One that was killed wrote none.
const lastLooks = 14

// Copy writes what the task writes until the instance has ended and all was
// read, and answers the instance as it is then. After an error it may be
// called again and goes on where it was. A task that waits for a Variable in
// vain is a *StuckError, output that was lost a *LostOutputError.
func (o *TaskOutput) Copy(ctx context.Context, stdout, stderr io.Writer) (*api.Allocation, error) {
	out, errs := &sink{w: stdout}, &sink{w: stderr}
	whole, looks := false, 0 // since it has ended
	answered := time.Now()
	for {
		alloc, err := o.look(ctx, out, errs)
		if err := errors.Join(out.failed(), errs.failed()); err != nil {
			return nil, err
		}
		switch {
		case err == nil && (whole || looks == lastLooks):
			if o.stdout.Lost() || o.stderr.Lost() {
				return alloc, &LostOutputError{}
			}
			return alloc, nil
		case err == nil:
			// What it wrote last reaches its log about when Nomad says that
			// it has ended, so it is read once more at least.
			answered = time.Now()
			if terminal(alloc.ClientStatus) {
				whole, looks = o.whole(alloc), looks+1
			}
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !Transient(err) || time.Since(answered) > outputPatience:
			return nil, err
		}
		if err := sleep.For(ctx, logPoll); err != nil {
			return nil, err
		}
	}
}

// look reads once what there is.
func (o *TaskOutput) look(ctx context.Context, stdout, stderr io.Writer) (*api.Allocation, error) {
	alloc, err := o.c.Allocation(ctx, o.alloc)
	if err != nil {
		return nil, err
	}
	if what := stuck(alloc.TaskStates, time.Now()); what != "" {
		return nil, &StuckError{Space: o.c.Space, What: what}
	}
	files, err := o.c.LogFiles(ctx, o.alloc, o.task)
	if err != nil {
		return nil, err
	}
	if err := o.stdout.Read(ctx, files, stdout); err != nil {
		return nil, err
	}
	return alloc, o.stderr.Read(ctx, files, o.end.of(stderr))
}

// whole says whether nothing more is to come of a task that has ended.
func (o *TaskOutput) whole(alloc *api.Allocation) bool {
	if o.Last == nil {
		return true
	}
	code, ran := ExitOf(alloc, o.task)
	last := o.Last(code)
	return !ran || last == "" || o.end.has(last)
}

// ExitOf is the exit code of an instance's task that was tried once. ok is
// false where it never ran, or nobody knows how it ended.
func ExitOf(alloc *api.Allocation, task string) (code int, ok bool) {
	state := alloc.TaskStates[task]
	if state == nil {
		return 0, false
	}
	for _, e := range state.Events {
		if e.Type == api.TaskTerminated {
			code, ok = e.ExitCode, lostEnd(e) == ""
		}
	}
	return code, ok
}

// lostEnd is why a task's driver does not know how it ended, "" if it does. The
// exit code that Nomad tells then is 0 (docker, whose engine has not answered)
// or -1.
func lostEnd(ended *api.TaskEvent) string {
	if ended.ExitCode > 0 || ended.Signal != 0 || ended.Details["oom_killed"] == "true" {
		return ""
	}
	return ended.Details["exit_message"]
}
