package nomad

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
)

// look observes a rollout once.
func (c *Client) look(ctx context.Context, reg Registration) (rollout, error) {
	id := *reg.Job.ID
	r := rollout{Job: reg.Job}
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
		r, err := c.look(ctx, Registration{Job: job})
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

// WentBack gives Nomad, where a rollout has failed, time to go back to the
// last version that worked. It answers the job as it is then, nil if Nomad
// did not go back.
func (c *Client) WentBack(ctx context.Context, reg Registration) (*api.Job, error) {
	for range 20 {
		job, err := c.Job(ctx, *reg.Job.ID)
		if err != nil {
			return nil, err
		}
		if job != nil && *job.Version > *reg.Job.Version {
			return job, nil
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, nil
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
		r, err := c.look(ctx, reg)
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
		v := judge(r, limits, time.Now())
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
