package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// noRoomPatience is how long the scheduler may find no place before an apply
// gives up: room may come free, nothing else says that it will not.
const noRoomPatience = 10 * time.Second

// deployPatience is what a rollout gets on top of its start timeouts.
const deployPatience = 5 * time.Minute

// register registers the job and waits until all instances are healthy, or
// says why they are not.
func (u *run) register(ctx context.Context) error {
	w := u.plan.work
	if u.revision.Shared == "" { // nothing was written: only counts or the job's shape change
		u.result = *w.is.Result
		u.revision = revisionOf(w.want, &u.result, u.r.Blobs.URL, w.who, w.of.salt)
	}
	got, err := u.rollOut(ctx, w.is.Job, w.again)
	for attempt := 1; err == nil && got.verdict.State == nomad.Failed; attempt++ {
		wait, more := pullAgain(attempt, got.verdict.Reason)
		if !more {
			return u.failed(ctx, got)
		}
		got, err = u.rollOutAgain(ctx, got, wait)
	}
	if err != nil {
		return err
	}
	return u.remember(ctx, stateDeployed, "")
}

// rollout is a job that was registered, and what became of its deployment.
type rollout struct {
	reg     nomad.Registration // Job is nil where Nomad did not take it
	verdict nomad.Verdict
}

// rollOut registers the job in place of the live one, if there is one, and
// waits for the end of its deployment. again asks for new instances although
// the spec may be the same.
func (u *run) rollOut(ctx context.Context, live *api.Job, again bool) (out rollout, err error) {
	if err := u.lock.Check(); err != nil {
		return out, err
	}
	index := uint64(0)
	if live != nil {
		index = *live.JobModifyIndex
		if err := u.r.Nomad.AwaitStable(ctx, live); err != nil {
			return out, err
		}
	}
	job := u.r.job(u.plan.work.want, live, u.revision)
	if again {
		nomad.AskRestart(job, restartTime())
	}
	out.reg, err = u.r.Nomad.Deploy(ctx, job, index)
	switch {
	case err != nil && ctx.Err() != nil: // Nomad may have taken it
		return out, u.leave(ctx)
	case errors.Is(err, nomad.ErrConflict) && live == nil:
		// somebody else has a job of that name by now, which may read the Variable
		return out, errors.Join(err, u.forget(ctx))
	case err != nil:
		return out, err
	}
	return u.watch(ctx, out.reg, u.patience())
}

// watch waits for the end of a deployment, and tells what holds it up.
func (u *run) watch(ctx context.Context, reg nomad.Registration, patience time.Duration) (rollout, error) {
	limits := nomad.RolloutLimits{Deadline: time.Now().Add(patience), NoRoom: noRoomPatience, Fatal: u.fatal}
	verdict, err := u.r.Nomad.Watch(ctx, reg, limits, func(v nomad.Verdict) {
		if v.Reason != "" {
			u.say(PhaseStart, "%s", v.Reason)
		}
	})
	if ctx.Err() != nil {
		err = u.leave(ctx)
	}
	return rollout{reg, verdict}, err
}

// fatal words the supervisor's own exit code.
func (u *run) fatal(code int) string {
	if code == lifecycle.ExitNeverHealthy {
		return "never became healthy in its start timeout"
	}
	return ""
}

// patience is how long the rollout may take in all: every round of instances
// gets its start timeout.
func (u *run) patience() time.Duration {
	total := deployPatience
	for _, p := range u.plan.work.want.Processes {
		rounds := 1 + *groupOf(u.plan.work.job, p.Group).Count/max(u.plan.work.want.InFlight, 1)
		total += time.Duration(rounds**p.TimeoutS) * time.Second
	}
	return total
}

// leave is an interrupt while Nomad deploys: Nomad goes on.
func (u *run) leave(ctx context.Context) error {
	return &AppError{App: u.plan.App, Step: string(Register),
		Err: fmt.Errorf("%w while its instances start; Nomad goes on with it", context.Cause(ctx)),
		Next: []string{
			u.command("status") + "    # how far it is",
			"nomad job deployments -latest -namespace " + u.r.Nomad.Space + " " + u.plan.Job + "    # then `nomad deployment fail ID` goes back to the version before",
		}}
}
