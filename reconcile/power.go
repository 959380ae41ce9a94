package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
	"wadi/nomad"
)

// stoppedItem is the key in an app's record Variable of the job as it was
// stopped: Nomad forgets a stopped job after some hours. The next apply of
// the app removes it.
const stoppedItem = "stopped_job"

// Stop stops the named apps and keeps all that Start needs. Stopping a
// stopped app changes nothing. The outcome is complete also with an error,
// which joins those of the apps; the same holds for Start and Restart.
func (r *Reconciler) Stop(ctx context.Context, names []string) (*Outcome, error) {
	return r.power(ctx, names, PhaseStop, (*run).powerOff)
}

// Start starts the named apps as they were when they were stopped and waits
// until all instances are healthy. Starting a started app changes nothing.
func (r *Reconciler) Start(ctx context.Context, names []string) (*Outcome, error) {
	return r.power(ctx, names, PhaseStart, (*run).powerOn)
}

// Restart replaces all instances of the named apps as a new version does:
// each old one serves until a new one is healthy. Stopped apps are started.
func (r *Reconciler) Restart(ctx context.Context, names []string) (*Outcome, error) {
	return r.power(ctx, names, PhaseStart, (*run).restart)
}

// RestartInstance replaces one instance of a process and waits until the new
// one is healthy. There is a gap where it is the only one.
func (r *Reconciler) RestartInstance(ctx context.Context, app, process string, index int) (*Outcome, error) {
	return r.power(ctx, []string{app}, PhaseStart, func(u *run, ctx context.Context, job *api.Job) error {
		return u.restartInstance(ctx, job, process, index)
	})
}

// power does one thing to each of the named apps, in parallel, holding its lock.
func (r *Reconciler) power(ctx context.Context, names []string, phase Phase, do func(*run, context.Context, *api.Job) error) (*Outcome, error) {
	jobs, err := r.selectJobs(ctx, names)
	if err != nil {
		return &Outcome{Apps: []AppOutcome{}}, err
	}
	return r.forEach(len(jobs), func(i int, slot func() func()) AppOutcome {
		defer slot()()
		app := jobs[i].Meta[nomad.MetaApp]
		u := &run{r: r, plan: AppPlan{App: app, Job: jobs[i].ID, Action: Update}, out: AppOutcome{App: app, Action: Update}}
		err := u.locked(ctx, func() error {
			job, err := r.jobOrStopped(ctx, u.plan.Job)
			if err != nil {
				return u.fail(string(phase), err)
			}
			if job == nil { // it went since it was listed
				return u.fail(string(phase), &UnknownAppError{App: u.plan.App, Space: r.Nomad.Space})
			}
			if err := u.phase(phase, func() error { return do(u, ctx, job) }); err != nil {
				return u.fail(string(phase), err)
			}
			return nil
		})
		if err == nil {
			u.out.Status, err = r.appStatus(ctx, u.plan.Job)
		}
		if err != nil {
			u.out.Err, u.out.Error = err, err.Error()
		}
		return u.out
	})
}

func isStopped(job *api.Job) bool { return job.Stop != nil && *job.Stop }

// powerOff stops the job, keeping its spec.
func (u *run) powerOff(ctx context.Context, job *api.Job) error {
	if isStopped(job) {
		u.out.Action = None
		u.say(PhaseStop, "is stopped already")
		return nil
	}
	if err := u.keepStopped(ctx, job); err != nil {
		return err
	}
	if err := u.lock.Check(); err != nil {
		return err
	}
	if err := u.r.Nomad.StopJob(ctx, u.plan.Job); err != nil {
		return err
	}
	return u.r.Nomad.WaitStopped(ctx, u.plan.Job)
}

// powerOn registers the job as it was.
func (u *run) powerOn(ctx context.Context, job *api.Job) error {
	if !isStopped(job) {
		u.out.Action = None
		u.say(PhaseStart, "is started already")
		return nil
	}
	// Instances of the same spec that failed lately would count as started:
	// Nomad tries them again when their time has come.
	nomad.AskRestart(job, restartTime())
	if err := u.launch(ctx, job); err != nil {
		return err
	}
	return u.keepStopped(ctx, nil)
}

// restart replaces every instance, or starts what is stopped.
func (u *run) restart(ctx context.Context, job *api.Job) error {
	if isStopped(job) {
		return u.powerOn(ctx, job)
	}
	if err := u.r.Nomad.AwaitStable(ctx, job); err != nil {
		return err
	}
	nomad.AskRestart(job, restartTime())
	return u.launch(ctx, job)
}

func restartTime() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// launch registers the job, started, and waits until all instances are
// healthy, or says why they are not.
func (u *run) launch(ctx context.Context, job *api.Job) error {
	index := uint64(0)
	if job.JobModifyIndex != nil {
		index = *job.JobModifyIndex
	}
	running := !isStopped(job)
	job.Stop = new(false)
	reg, err := u.r.Nomad.Deploy(ctx, job, index)
	if err != nil {
		return err
	}
	got, err := u.watch(ctx, reg, jobPatience(job))
	if err != nil || got.verdict.State != nomad.Failed {
		return err
	}
	out := u.notStarted(ctx, got.verdict)
	if running {
		said, err := u.afterFailure(ctx, got)
		out.add(said, err)
	} else if now, err := u.r.Nomad.Job(ctx, u.plan.Job); err == nil && now != nil && isStopped(now) {
		out.add("Nomad has stopped it again.", nil) // the version before was a stopped one
	}
	return out
}

// jobPatience is how long the rollout of a job may take in all: every round
// of instances gets what Nomad gives an instance.
func jobPatience(job *api.Job) time.Duration {
	total := deployPatience
	for _, g := range job.TaskGroups {
		if g.Update == nil || g.Update.HealthyDeadline == nil || g.Update.MaxParallel == nil {
			continue
		}
		rounds := 1 + *g.Count/max(*g.Update.MaxParallel, 1)
		total += time.Duration(rounds) * *g.Update.HealthyDeadline
	}
	return total
}

// UnknownInstanceError is an index that a process has no instance of.
type UnknownInstanceError struct {
	App, Process string
	Index, Count int
}

func (e *UnknownInstanceError) Error() string {
	return fmt.Sprintf("app %q has no instance %d of process %s", e.App, e.Index, e.Process)
}

// Hint says what to do next.
func (e *UnknownInstanceError) Hint() string {
	switch e.Count {
	case 0:
		return "it has none; `wadi status " + e.App + "` shows the processes"
	case 1:
		return "it has one: 0"
	}
	return fmt.Sprintf("they go from 0 to %d", e.Count-1)
}

// restartInstance replaces the instance of an index.
func (u *run) restartInstance(ctx context.Context, job *api.Job, process string, index int) error {
	group, err := processGroup(job, process)
	if err != nil {
		return err
	}
	unknown := &UnknownInstanceError{App: u.plan.App, Process: process, Index: index, Count: *group.Count}
	if isStopped(job) {
		unknown.Count = 0
	}
	allocs, err := u.r.Nomad.Allocations(ctx, u.plan.Job)
	if err != nil {
		return err
	}
	old := instanceAt(allocs, *group.Name, index)
	if old == nil || unknown.Count == 0 {
		return unknown
	}
	if err := u.r.Nomad.ReplaceInstance(ctx, old); err != nil {
		return err
	}
	return u.awaitInstance(ctx, job, old)
}

// instanceAt is the instance of a group that has an index now; nil = none.
func instanceAt(allocs []*api.AllocationListStub, group string, index int) *api.AllocationListStub {
	for _, a := range newestByIndex(group, allocs) {
		if nomad.AllocIndex(a.Name) == index {
			return a
		}
	}
	return nil
}

// awaitInstance waits until what replaces an instance is healthy.
func (u *run) awaitInstance(ctx context.Context, job *api.Job, old *api.AllocationListStub) error {
	began := time.Now()
	deadline := began.Add(jobPatience(job))
	for {
		allocs, err := u.r.Nomad.Allocations(ctx, u.plan.Job)
		if err != nil {
			return err
		}
		now := instanceAt(allocs, old.TaskGroup, nomad.AllocIndex(old.Name))
		replaced := now != nil && now.ID != old.ID
		switch {
		case replaced && nomad.Ended(now):
			return u.notStarted(ctx, nomad.Verdict{Alloc: now, Reason: nomad.WhyFailed(now)})
		case replaced && now.ClientStatus == api.AllocClientStatusRunning:
			if healthy, _ := u.r.Nomad.Healthy(ctx, now.ID); healthy {
				return nil
			}
		case !replaced && time.Since(began) > noRoomPatience:
			why, err := u.r.Nomad.WhyNotPlaced(ctx, u.plan.Job, old.TaskGroup)
			if err != nil {
				return err
			}
			return errors.New("the instance was stopped and there is no room for another: " + why)
		}
		if time.Now().After(deadline) {
			return u.notStarted(ctx, nomad.Verdict{Alloc: now, Reason: "timed out waiting for the instance to become healthy"})
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// keepStopped puts the spec of a job that is stopped into its record
// Variable, or with nil takes it out.
func (u *run) keepStopped(ctx context.Context, job *api.Job) error {
	path := nomad.RecordPath(u.plan.Job)
	v, err := u.r.Nomad.ReadVariable(ctx, path)
	if err != nil {
		return err
	}
	if v.Items == nil {
		v.Items = map[string]string{}
	}
	if job == nil {
		if _, kept := v.Items[stoppedItem]; !kept {
			return nil
		}
		delete(v.Items, stoppedItem)
	} else {
		rec, err := parseRecord(v.Items)
		if err != nil {
			return err
		}
		v.Items = rec.withStopped(job)
	}
	_, err = u.r.Nomad.WriteVariable(ctx, path, v)
	return err
}

// withStopped is the record with a stopped job beside it, without as many of
// the oldest revisions as it takes to fit into one Variable.
func (r record) withStopped(job *api.Job) map[string]string {
	for {
		v := nomad.Variable{Items: r.items()}
		v.Items[stoppedItem] = string(mustJSON(job))
		if v.Size() <= nomad.MaxVariableBytes || len(r.Revisions) <= 1 {
			return v.Items
		}
		r.Revisions = r.Revisions[1:]
	}
}

// jobOrStopped reads the job of an app; where Nomad has forgotten it, the
// spec that was kept when it was stopped. nil = neither.
func (r *Reconciler) jobOrStopped(ctx context.Context, id string) (*api.Job, error) {
	job, err := r.Nomad.Job(ctx, id)
	if err != nil || job != nil {
		return job, err
	}
	v, err := r.Nomad.ReadVariable(ctx, nomad.RecordPath(id))
	if err != nil {
		return nil, err
	}
	return parseStopped(v.Items)
}

// parseStopped is the job that was kept in a record's Variable; nil = none.
// Its indexes were those of a job that is gone.
func parseStopped(items map[string]string) (*api.Job, error) {
	text, ok := items[stoppedItem]
	if !ok {
		return nil, nil
	}
	var job api.Job
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return nil, fmt.Errorf("the stopped job in the app's record cannot be read: %w; `wadi apply` makes it anew", err)
	}
	job.Stop = new(true)
	job.JobModifyIndex, job.ModifyIndex, job.CreateIndex = nil, nil, nil
	return &job, nil
}

// forgottenJobs are the stopped apps whose jobs Nomad has forgotten.
func (r *Reconciler) forgottenJobs(ctx context.Context, jobs []*api.JobListStub) ([]*api.JobListStub, error) {
	there := map[string]bool{}
	for _, job := range jobs {
		there[nomad.RecordPath(job.ID)] = true
	}
	paths, err := r.Nomad.ListVariables(ctx, nomad.RecordPath(""))
	if err != nil {
		return nil, err
	}
	var out []*api.JobListStub
	for _, path := range paths {
		if there[path] {
			continue
		}
		v, err := r.Nomad.ReadVariable(ctx, path)
		if err != nil {
			return nil, err
		}
		job, err := parseStopped(v.Items)
		if err != nil {
			return nil, err
		}
		if job != nil {
			out = append(out, &api.JobListStub{ID: *job.ID, Type: api.JobTypeService, Meta: job.Meta, Stop: true, Status: "dead"})
		}
	}
	return out, nil
}
