package nomad

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
)

// Rollout is one look at how the instances of a newly registered job come up.
type Rollout struct {
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

// Judge says what a rollout means at the given time. Nomad's deployments can
// hang for ever (a canary that dies after it was healthy, no room, a failing
// group beside a starting one): those it ends itself.
func Judge(r Rollout, limits RolloutLimits, now time.Time) Verdict {
	v := Verdict{State: Waiting, Reason: "waiting for the scheduler"}
	mine := r.mine()
	v.Running, v.Wanted = r.progress(mine)
	if d := r.Deployment; d != nil {
		switch d.Status {
		case api.DeploymentStatusSuccessful:
			if !r.starting(mine) {
				return done(v)
			}
			v.Reason = fmt.Sprintf("%d of %d instances running", v.Running, v.Wanted)
			if now.After(limits.Deadline) {
				v.State, v.Reason = Failed, "timed out: "+v.Reason
			}
			return v
		case api.DeploymentStatusCancelled:
			v.State, v.Reason, v.Cancelled = Failed, d.StatusDescription, true
			return v
		case api.DeploymentStatusFailed:
			v.State, v.Reason, v.Alloc = Failed, d.StatusDescription, worst(mine)
			if v.Alloc != nil {
				v.Reason = WhyFailed(v.Alloc)
			}
			return v
		}
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

func done(v Verdict) Verdict {
	v.State, v.Reason = Done, ""
	return v
}

// settled says that every instance is healthy and nothing is left to promote
// or to replace: all that the deployment still does is to say so, which takes
// Nomad's watcher more than a second.
func (r Rollout) settled(running, wanted int) bool {
	for _, g := range r.Deployment.TaskGroups {
		if g.DesiredCanaries > 0 {
			return false
		}
	}
	return wanted > 0 && running == wanted
}

// starting says whether instances that a successful deployment made are still
// to become healthy: the scheduler replaced healthy ones because one of the
// version before had failed meanwhile.
func (r Rollout) starting(mine []*api.AllocationListStub) bool {
	return slices.ContainsFunc(mine, func(a *api.AllocationListStub) bool {
		return a.DesiredStatus == api.AllocDesiredStatusRun && !Ended(a) && a.CreateIndex <= r.Deployment.ModifyIndex &&
			(a.DeploymentStatus == nil || a.DeploymentStatus.Healthy == nil)
	})
}

// mine are the instances of the version that was registered.
func (r Rollout) mine() []*api.AllocationListStub {
	var mine []*api.AllocationListStub
	for _, a := range r.Allocs {
		if r.Deployment != nil && a.DeploymentStatus != nil && a.JobVersion == r.Deployment.JobVersion ||
			r.Job != nil && a.JobVersion == *r.Job.Version {
			mine = append(mine, a)
		}
	}
	return mine
}

func (r Rollout) progress(mine []*api.AllocationListStub) (running, wanted int) {
	if r.Job != nil {
		for _, g := range r.Job.TaskGroups {
			wanted += *g.Count
		}
	}
	for _, a := range mine {
		if a.DesiredStatus == api.AllocDesiredStatusRun && a.ClientStatus == api.AllocClientStatusRunning && a.DeploymentStatus != nil &&
			a.DeploymentStatus.Healthy != nil && *a.DeploymentStatus.Healthy {
			running++
		}
	}
	return running, wanted
}

// doomed is an instance of this version that will not come up, and why. An
// instance that was updated in place brings the events of its earlier life.
func (r Rollout) doomed(allocs []*api.AllocationListStub, fatal func(int) string) (*api.AllocationListStub, string) {
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
		if a.DeploymentStatus != nil && a.DeploymentStatus.Healthy != nil && !*a.DeploymentStatus.Healthy {
			rank = max(rank, 1)
		}
		if rank > best {
			best, found = rank, a
		}
	}
	return found
}

// WhyFailed is how an instance ended last, or what kept it from starting, or
// else what Nomad says of it.
func WhyFailed(a *api.AllocationListStub) string {
	ended, hindered, other := "", "", a.ClientDescription
	for _, name := range slices.Sorted(maps.Keys(a.TaskStates)) {
		for _, e := range a.TaskStates[name].Events {
			switch e.Type {
			case api.TaskTerminated:
				ended = fmt.Sprintf("exited with status %d", e.ExitCode)
			case api.TaskStarted:
				hindered = ""
			case api.TaskDriverFailure, api.TaskSetupFailure, api.TaskArtifactDownloadFailed, api.TaskFailedValidation, "Template":
				hindered = e.DisplayMessage
			case "Alloc Unhealthy":
				other = e.DisplayMessage
			}
		}
	}
	switch {
	case hindered != "":
		return instanceName(a) + " could not start: " + hindered
	case ended != "":
		return instanceName(a) + " " + ended
	case other != "":
		return instanceName(a) + ": " + other
	}
	return instanceName(a) + " failed"
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

// DescribeFailures words the scheduler's reasons for not placing groups.
func DescribeFailures(failed map[string]*api.AllocationMetric) string {
	var parts []string
	for _, group := range slices.Sorted(maps.Keys(failed)) {
		parts = append(parts, group+": "+describeMetric(failed[group]))
	}
	if len(parts) == 0 {
		return "the scheduler gave no reason"
	}
	return strings.Join(parts, "; ")
}

// missingDrivers is Nomad's own word.
const missingDrivers = "missing drivers"

func describeMetric(m *api.AllocationMetric) string {
	if m.NodesEvaluated == 0 && m.NodesFiltered == 0 && m.NodesExhausted == 0 {
		return "no node is eligible (none ready, or none in the datacenter or node pool)"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m.ConstraintFiltered)) {
		part := fmt.Sprintf("%s on %s", k, nodes(m.ConstraintFiltered[k]))
		if k == missingDrivers {
			part += " (docker: install its engine there, or start it; raw_exec: enable it in the agent's configuration)"
		}
		parts = append(parts, part)
	}
	for _, k := range slices.Sorted(maps.Keys(m.DimensionExhausted)) {
		parts = append(parts, fmt.Sprintf("not enough %s on %s", k, nodes(m.DimensionExhausted[k])))
	}
	for _, k := range m.QuotaExhausted {
		parts = append(parts, "quota "+k+" is used up")
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s evaluated, none fits", nodes(m.NodesEvaluated))
	}
	return strings.Join(parts, ", ")
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// Look observes a rollout once.
func (c *Client) Look(ctx context.Context, reg Registration) (Rollout, error) {
	id := *reg.Job.ID
	r := Rollout{Job: reg.Job}
	// First the evaluation: when it is complete, its deployment is there.
	evals, _, err := c.API.Jobs().Evaluations(id, c.query(ctx))
	if err != nil {
		return r, c.wrap("list the evaluations of job "+id, err)
	}
	r.Evals = evals
	for _, e := range evals {
		if e.ID == reg.EvalID {
			r.Eval = e
		}
	}
	deployments, _, err := c.API.Jobs().Deployments(id, false, c.query(ctx))
	if err != nil {
		return r, c.wrap("list the deployments of job "+id, err)
	}
	for _, d := range deployments {
		if d.JobSpecModifyIndex == *reg.Job.JobModifyIndex {
			r.Deployment = d
		}
	}
	r.Allocs, err = c.Allocations(ctx, id)
	return r, err
}

// AwaitStable gives a deployment whose instances are all healthy the second
// or two that Nomad takes to call its version stable. A version that is
// followed before that is none to go back to.
func (c *Client) AwaitStable(ctx context.Context, job *api.Job) error {
	for range 25 {
		r, err := c.Look(ctx, Registration{Job: job})
		if err != nil {
			return err
		}
		running, wanted := r.progress(r.mine())
		if r.Deployment == nil || r.Deployment.Status != api.DeploymentStatusRunning || running < wanted {
			return nil
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lookPatience is how long Nomad may fail to answer while a rollout is
// watched.
const lookPatience = 30 * time.Second

// Watch follows a rollout to its end, telling each new verdict. A rollout
// that would hang is ended, which makes Nomad go back to the last version
// that worked.
func (c *Client) Watch(ctx context.Context, reg Registration, limits RolloutLimits, tell func(Verdict)) (Verdict, error) {
	last := Verdict{}
	seen := time.Now()
	var noRoomSince time.Time
	for {
		r, err := c.Look(ctx, reg)
		if err != nil {
			// a new leader or a restarted agent is no reason to look away
			if StatusOf(err) == http.StatusForbidden || ctx.Err() != nil || time.Since(seen) > lookPatience {
				return last, err
			}
			if err := sleep.For(ctx, time.Second); err != nil {
				return last, err
			}
			continue
		}
		seen = time.Now()
		r.NoRoomSince = noRoomSince
		v := Judge(r, limits, time.Now())
		switch {
		case !v.NoRoom:
			noRoomSince = time.Time{}
		case noRoomSince.IsZero():
			noRoomSince = time.Now()
		}
		if v != last && tell != nil {
			tell(v)
		}
		last = v
		if v.State == Waiting {
			if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
				return v, err
			}
			continue
		}
		if v.End {
			_, _, err := c.API.Deployments().Fail(r.Deployment.ID, c.write(ctx))
			if err != nil && strings.Contains(err.Error(), "terminal") {
				continue // it ended meanwhile, perhaps well
			}
			if err != nil && StatusOf(err) != http.StatusNotFound {
				return v, c.wrap("end the deployment "+short(r.Deployment.ID), err)
			}
		}
		return v, nil
	}
}

// WhyNotPlaced words why a group of a job that was registered has no instance;
// "" = whichever group.
func (c *Client) WhyNotPlaced(ctx context.Context, jobID, group string) (string, error) {
	evals, _, err := c.API.Jobs().Evaluations(jobID, c.query(ctx))
	if err != nil {
		return "", c.wrap("list the evaluations of job "+jobID, err)
	}
	return whyNotPlaced(evals, group), nil
}

// whyNotPlaced looks for the last answer; evals are newest first.
func whyNotPlaced(evals []*api.Evaluation, group string) string {
	for _, e := range evals {
		switch metric := e.FailedTGAllocs[group]; {
		case metric != nil:
			return describeMetric(metric)
		case group == "" && len(e.FailedTGAllocs) > 0:
			return DescribeFailures(e.FailedTGAllocs)
		}
	}
	return "the scheduler has not answered yet"
}
