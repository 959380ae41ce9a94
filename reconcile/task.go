package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
)

// TaskOptions say what a one-off task runs and with how much.
type TaskOptions struct {
	Name string // "" = one is made up
	// Process is the type whose memory, disk and, without Command, start
	// command the task has; "" = web.
	Process string
	Command string // a shell command line
	// MemoryMB and DiskMB are 0 where the process says.
	MemoryMB, DiskMB int
	Timeout          time.Duration // of the command; whole seconds, 0 = none
	Stdout, Stderr   io.Writer     // of the command
	Tell             func(text string)
}

// stopPatience is how long an interrupted task gets to end: its process has
// 10 s, and Nomad has to hear of it.
const stopPatience = 30 * time.Second

// NotDeployedError is an app that wadi knows and that has no job: its first
// deployment never got so far, or somebody removed it.
type NotDeployedError struct{ App, Space string }

func (e *NotDeployedError) Error() string {
	return fmt.Sprintf("app %q in space %s is not deployed: there is no job of it, so nothing to run anything from", e.App, e.Space)
}

// Hint says what to do next.
func (e *NotDeployedError) Hint() string { return "deploy it: wadi apply" }

// TaskError is a one-off task whose command did not run, or of which nobody
// knows how it ended.
type TaskError struct {
	App, Name string
	Why       string
}

func (e *TaskError) Error() string {
	return fmt.Sprintf("task %s of app %q did not run to its end: %s", e.Name, e.App, e.Why)
}

// RunTask runs one command with the droplet, the environment and the bindings
// of the app's current version in a job of its own, whose output it copies,
// and answers the command's exit code. The job and its Variable are gone when
// it returns. If ctx ends, the task is stopped.
func (r *Reconciler) RunTask(ctx context.Context, app string, o TaskOptions) (exitCode int, err error) {
	job, err := r.deployed(ctx, app)
	if err != nil {
		return 0, err
	}
	nonce := strings.ToLower(rand.Text()[:8])
	t := &oneOff{r: r, job: job, id: nomad.TaskJobID(*job.ID, nonce), options: o}
	if t.options.Name == "" {
		t.options.Name = nonce
	}
	if err := t.prepare(ctx); err != nil {
		return 0, err
	}
	defer func() {
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		if e := r.Nomad.RemoveTask(rest, t.id); e != nil {
			t.tell("Job " + t.id + " may still run; stop it with: nomad job stop -purge -namespace " + r.Nomad.Space + " " + t.id)
			err = errors.Join(err, e)
		}
	}()
	if err := t.start(ctx); err != nil {
		return 0, err
	}
	return t.follow(ctx)
}

// deployed is the job of an app that has a version.
func (r *Reconciler) deployed(ctx context.Context, app string) (*api.Job, error) {
	id := spec.JobID(app)
	_, err := r.selectJobs(ctx, []string{app})
	var unknown *UnknownAppError
	if errors.As(err, &unknown) {
		rec, e := r.record(ctx, id)
		if e == nil && len(rec.Revisions) > 0 {
			return nil, &NotDeployedError{App: app, Space: r.Nomad.Space}
		}
	}
	if err != nil {
		return nil, err
	}
	job, err := r.jobOrStopped(ctx, id)
	if err == nil && job == nil { // it went since it was listed
		err = &UnknownAppError{App: app, Space: r.Nomad.Space}
	}
	return job, err
}

// oneOff is one task on its way.
type oneOff struct {
	r       *Reconciler
	job     *api.Job // of the app
	id      string   // of the task's job
	options TaskOptions

	task        lifecycle.Task
	items       map[string]string // what the task is told, by file
	credentials []nomad.Credentials
	login       map[string]string // with which its node pulls the image; nil = none
}

func (t *oneOff) app() string { return t.job.Meta[nomad.MetaApp] }

// prepare finds out what the task is told, and removes what earlier ones left.
func (t *oneOff) prepare(ctx context.Context) error {
	group, err := t.group(ctx)
	if err != nil {
		return err
	}
	secret, err := t.r.Nomad.ReadVariable(ctx, nomad.VariablePath(*t.job.ID))
	if err != nil {
		return err
	}
	keys, credentials := nomad.SecretFiles(group)
	t.credentials, t.items = credentials, map[string]string{}
	for file, key := range keys {
		text, ok := secret.Items[key]
		if !ok {
			return fmt.Errorf("the Nomad Variable %s has no %q, which the app's version needs: apply the app again", nomad.VariablePath(*t.job.ID), key)
		}
		t.items[file] = text
	}
	if t.task, err = taskOf(t.items[lifecycle.ProcessFile], t.options); err != nil {
		return err
	}
	if nomad.LoginKey(t.job) != "" {
		login, err := t.r.Nomad.ReadVariable(ctx, nomad.LoginPath(*t.job.ID, *group.Name))
		if err != nil {
			return err
		}
		t.login = login.Items
	}
	delete(t.items, lifecycle.ProcessFile) // a task is no process
	t.items[lifecycle.TaskFile] = string(mustJSON(t.task))
	if err := t.r.removeTasks(ctx, *t.job.ID, false); err != nil {
		return err
	}
	return t.r.uploadLifecycle(ctx)
}

// group is that of the process that the task is made after: web for a type
// that the droplet alone knows.
func (t *oneOff) group(ctx context.Context) (*api.TaskGroup, error) {
	process := t.options.Process
	if process == "" {
		process = spec.WebProcess
	}
	group, err := processGroup(t.job, process)
	var unknown *UnknownProcessError
	if !errors.As(err, &unknown) {
		return group, err
	}
	key, err := t.r.stagingKey(ctx, *t.job.ID)
	if err != nil {
		return nil, err
	}
	if key == "" { // of an image, which brings no types
		return nil, unknown
	}
	known, err := t.r.stagingResult(ctx, key)
	if err != nil {
		return nil, err
	}
	result := known.Result
	if result == nil || result.ProcessTypes[process] == "" {
		if result != nil {
			unknown.Known = slices.Concat(unknown.Known, slices.Collect(maps.Keys(result.ProcessTypes)))
			slices.Sort(unknown.Known)
			unknown.Known = slices.Compact(unknown.Known)
		}
		return nil, unknown
	}
	return processGroup(t.job, spec.WebProcess)
}

// taskOf is a task made after a process (JSON of lifecycle.RunProcess).
func taskOf(process string, o TaskOptions) (lifecycle.Task, error) {
	var p lifecycle.RunProcess
	if err := json.Unmarshal([]byte(process), &p); err != nil {
		return lifecycle.Task{}, fmt.Errorf("the app's version cannot be read: %w; `wadi apply` writes it anew", err)
	}
	t := lifecycle.Task{Process: o.Process, Command: o.Command, MemoryMB: o.MemoryMB, DiskMB: o.DiskMB, TimeoutS: int(o.Timeout / time.Second)}
	if t.Process == "" {
		t.Process = p.Type
	}
	if t.Command == "" && p.Type == t.Process {
		t.Command = p.Command
	}
	if t.MemoryMB == 0 {
		t.MemoryMB = p.MemoryMB
	}
	if t.DiskMB == 0 {
		t.DiskMB = p.DiskMB
	}
	t.User, t.NoRoot = p.User, p.NoRoot
	return t, nil
}

// start writes the task's Variable and registers its job.
func (t *oneOff) start(ctx context.Context) error {
	c := t.r.Nomad
	if _, err := c.WriteVariable(ctx, nomad.VariablePath(t.id), nomad.Variable{Items: t.items}); err != nil {
		return err
	}
	if t.login != nil {
		if _, err := c.WriteVariable(ctx, nomad.LoginPath(t.id, nomad.TaskGroup), nomad.Variable{Items: t.login}); err != nil {
			return err
		}
	}
	return c.RunBatch(ctx, nomad.TaskJob(nomad.OneOff{
		ID: t.id, Name: t.options.Name, App: t.app(), Project: t.job.Meta[nomad.MetaProject], Space: c.Space,
		Placement: nomad.PlacementOf(t.job), Lifecycle: t.r.lifecycle(), Credentials: t.credentials,
		Files: slices.Sorted(maps.Keys(t.items)), MemoryMB: t.task.MemoryMB, DiskMB: t.task.DiskMB,
	}))
}

// follow copies what the task writes until it has ended. If ctx ends before,
// the task is asked to stop, and has its last words.
func (t *oneOff) follow(ctx context.Context) (int, error) {
	alloc, err := t.r.waitPlaced(ctx, t.id, "to run the task")
	if err != nil {
		return 0, err
	}
	output := t.r.Nomad.TaskOutput(alloc, nomad.TaskName)
	output.Last = func(int) string { return lifecycle.ExitStatus }
	ended, err := output.Copy(ctx, t.options.Stdout, t.options.Stderr)
	if cause := context.Cause(ctx); cause != nil {
		t.tell("Stopping task " + t.options.Name + "...")
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		if err := t.r.Nomad.StopJob(rest, t.id); err != nil {
			return 0, errors.Join(cause, err)
		}
		_, err := output.Copy(rest, t.options.Stdout, t.options.Stderr)
		return 0, errors.Join(cause, err)
	}
	if err != nil {
		return 0, err
	}
	code, ok := nomad.ExitOf(ended, nomad.TaskName)
	if !ok {
		return 0, &TaskError{App: t.app(), Name: t.options.Name, Why: nomad.WhyFailed(ended.Stub())}
	}
	return code, nil
}

func (t *oneOff) tell(text string) {
	if t.options.Tell != nil {
		t.options.Tell(text)
	}
}

// leftAfter is how long a task that has ended belongs to whoever ran it: that
// wadi may still read its output.
const leftAfter = time.Minute

// removeTasks removes the one-off tasks of an app that a killed wadi left
// behind, once they have ended; with running all of them.
func (r *Reconciler) removeTasks(ctx context.Context, appID string, running bool) error {
	runs, err := r.Nomad.TaskRuns(ctx, appID)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if running || isLeft(run, time.Now()) {
			if err := r.Nomad.RemoveTask(ctx, run.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// isLeft says whether a task has ended and nobody looks after it any more.
func isLeft(run nomad.TaskRun, now time.Time) bool {
	return !run.Live && now.Sub(run.Last) >= leftAfter
}
