package nomad

import (
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"
)

// rollout is one look at how the instances of a newly registered job come up.
type rollout struct {
	Job        *api.Job
	Eval       *api.Evaluation // the scheduler's answer to the register
	Deployment *api.Deployment // nil: none (yet)
	Allocs     []*api.AllocationListStub
	Evals      []*api.Evaluation
	// NoRoomSince is when the scheduler first found no place, as far as was
	// seen: each try makes a new evaluation.
	NoRoomSince time.Time
}

// State of a rollout.
type State string

const (
	Waiting State = "waiting"
	Done    State = "done"
	Failed  State = "failed"
)

// Verdict is what a rollout means.
type Verdict struct {
	State State
	// Reason says in words why it failed, or what it waits for.
	Reason string
	// Alloc is the instance that failed, if one did.
	Alloc *api.AllocationListStub
	// End is set when Nomad would leave the deployment running for ever and
	// it has to be failed by hand.
	End bool
	// NoRoom is set while the scheduler finds no place for an instance.
	NoRoom bool
	// Cancelled is set when somebody else stopped or changed the job: Nomad
	// reverts nothing then.
	Cancelled bool
	// Late is set when Nomad had called the deployment successful before it
	// failed: Nomad reverts nothing then.
	Late bool
	// Stuck is what Alloc waits for in vain: a Variable.
	Stuck string
	// Running and Wanted count instances of this version.
	Running, Wanted int
}

// RolloutLimits are the caller's patience.
type RolloutLimits struct {
	Deadline time.Time     // of everything
	NoRoom   time.Duration // how long the scheduler may find no place
	// Fatal words the exit codes of the task that doom a version at once,
	// however often Nomad would restart it; "" for all others.
	Fatal func(exitCode int) string
}

// judge says what a rollout means at the given time. Nomad's deployments can
// hang for ever (a canary that dies after it was healthy, no room, a failing
// group beside a starting one): those it ends itself.
func judge(r rollout, limits RolloutLimits, now time.Time) Verdict {
	v := Verdict{State: Waiting, Reason: "waiting for the scheduler"}
	mine := r.mine()
	v.Running, v.Wanted = r.progress(mine)
	if v, over := r.ended(v, mine, limits, now); over {
		return v
	}
	if r.Deployment != nil && r.settled(v.Running, v.Wanted) {
		return done(v)
	}
	if a, why := r.doomed(mine, limits.Fatal); a != nil {
		v.State, v.Reason, v.Alloc, v.End = Failed, why, a, r.Deployment != nil
		return v
	}
	for _, a := range mine {
		if what := stuck(a.TaskStates, now); what != "" {
			v.State, v.Reason, v.Alloc, v.Stuck, v.End = Failed, instanceName(a)+" waits: "+what, a, what, r.Deployment != nil
			return v
		}
	}
	if e := blocked(r.Evals, r.Job); e != nil {
		v.Reason = "no room: " + DescribeFailures(e.FailedTGAllocs)
		v.NoRoom = true
		since := time.Unix(0, e.CreateTime)
		if !r.NoRoomSince.IsZero() {
			since = r.NoRoomSince
		}
		if now.Sub(since) > limits.NoRoom {
			v.State, v.End = Failed, r.Deployment != nil
			return v
		}
	} else if r.Deployment == nil && r.Eval != nil && r.Eval.Status == api.EvalStatusComplete {
		return done(v)
	} else if v.Wanted > 0 {
		v.Reason = fmt.Sprintf("%d of %d instances running", v.Running, v.Wanted)
	}
	if now.After(limits.Deadline) {
		v.State, v.End = Failed, r.Deployment != nil
		v.Reason, v.Alloc = "timed out: "+v.Reason, worst(mine)
	}
	return v
}

// ended is the verdict where Nomad has ended the deployment.
func (r rollout) ended(v Verdict, mine []*api.AllocationListStub, limits RolloutLimits, now time.Time) (_ Verdict, over bool) {
	if r.Deployment == nil {
		return v, false
	}
	switch d := r.Deployment; d.Status {
	case api.DeploymentStatusSuccessful:
		return r.late(v, mine, limits, now), true
	case api.DeploymentStatusCancelled:
		v.State, v.Reason, v.Cancelled = Failed, d.StatusDescription, true
	case api.DeploymentStatusFailed:
		v.State, v.Reason, v.Alloc = Failed, d.StatusDescription, worst(mine)
		if v.Alloc != nil {
			v.Reason = WhyFailed(v.Alloc)
		}
	default:
		return v, false
	}
	return v, true
}

func done(v Verdict) Verdict {
	v.State, v.Reason = Done, ""
	return v
}

// settled says that every instance is healthy and nothing is left to promote
// or to replace: all that the deployment still does is to say so, which takes
// Nomad's watcher more than a second.
func (r rollout) settled(running, wanted int) bool {
	for _, g := range r.Deployment.TaskGroups {
		if g.DesiredCanaries > 0 {
			return false
		}
	}
	return wanted > 0 && running == wanted
}

// mine are the instances of the version that was registered.
func (r rollout) mine() []*api.AllocationListStub {
	var mine []*api.AllocationListStub
	for _, a := range r.Allocs {
		if r.Deployment != nil && a.DeploymentStatus != nil && a.JobVersion == r.Deployment.JobVersion ||
			r.Job != nil && a.JobVersion == *r.Job.Version {
			mine = append(mine, a)
		}
	}
	return mine
}

func (r rollout) progress(mine []*api.AllocationListStub) (running, wanted int) {
	if r.Job != nil {
		for _, g := range r.Job.TaskGroups {
			wanted += *g.Count
		}
	}
	for _, a := range mine {
		if serves(a) {
			running++
		}
	}
	return running, wanted
}

// serves says whether an instance is to run, does, and is healthy.
func serves(a *api.AllocationListStub) bool {
	return a.DesiredStatus == api.AllocDesiredStatusRun && a.ClientStatus == api.AllocClientStatusRunning && health(a) != nil && *health(a)
}

// health is what Nomad's client has found out so far; nil = nothing.
func health(a *api.AllocationListStub) *bool {
	if a.DeploymentStatus == nil {
		return nil
	}
	return a.DeploymentStatus.Healthy
}

// doomed is an instance of this version that will not come up, and why. An
// instance that was updated in place brings the events of its earlier life.
func (r rollout) doomed(allocs []*api.AllocationListStub, fatal func(int) string) (*api.AllocationListStub, string) {
	for _, a := range allocs {
		inPlace := r.Job != nil && a.CreateIndex < *r.Job.JobModifyIndex
		for _, task := range a.TaskStates {
			for _, e := range task.Events {
				if e.Type != api.TaskTerminated || fatal == nil || inPlace {
					continue
				}
				if words := fatal(e.ExitCode); words != "" {
					return a, instanceName(a) + " " + words
				}
			}
		}
		if a.ClientStatus == api.AllocClientStatusFailed && a.DesiredStatus == api.AllocDesiredStatusRun {
			return a, WhyFailed(a)
		}
	}
	return nil, ""
}

// worst is the instance whose failure says most: a failed one, else one that
// restarted, else one that is not healthy.
func worst(allocs []*api.AllocationListStub) *api.AllocationListStub {
	var found *api.AllocationListStub
	best := 0
	for _, a := range allocs {
		rank := 0
		for _, task := range a.TaskStates {
			switch {
			case task.Failed:
				rank = max(rank, 3)
			case task.Restarts > 0:
				rank = max(rank, 2)
			}
		}
		if healthy := health(a); healthy != nil && !*healthy {
			rank = max(rank, 1)
		}
		if rank > best {
			best, found = rank, a
		}
	}
	return found
}

// blocked is the evaluation that waits for room for this job's version.
func blocked(evals []*api.Evaluation, job *api.Job) *api.Evaluation {
	for _, e := range evals {
		// Those that a deployment's watcher makes name no version of the job.
		if e.Status == api.EvalStatusBlocked && job != nil && (e.JobModifyIndex >= *job.JobModifyIndex || e.JobModifyIndex == 0) {
			return e
		}
	}
	return nil
}
