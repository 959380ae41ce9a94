package nomad

import (
	"context"

	"github.com/hashicorp/nomad/api"
)

// restartEnv is an environment variable of every task that only a restart
// changes: Nomad replaces instances without a gap when their spec changes,
// and in no other way. The supervisor does not hand it to the app.
const restartEnv = "WADI_RESTART"

// AskRestart changes a job so that registering it replaces every instance.
// at is the time, in words; registering what has the same replaces none.
func AskRestart(job *api.Job, at string) {
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			setRestart(t, at)
		}
	}
}

func setRestart(task *api.Task, at string) {
	if task.Env == nil {
		task.Env = map[string]string{}
	}
	task.Env[restartEnv] = at
}

// RestartOf is when a restart of the job was asked for last; "" = never.
// Whoever registers the job anew keeps it, or replaces every instance.
func RestartOf(job *api.Job) string {
	if job == nil {
		return ""
	}
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if at := t.Env[restartEnv]; at != "" {
				return at
			}
		}
	}
	return ""
}

// ReplaceInstance stops one instance; the scheduler makes another in its
// place at once. One that has failed, and would wait for its turn, is
// replaced now.
func (c *Client) ReplaceInstance(ctx context.Context, a *api.AllocationListStub) error {
	op := "replace instance " + short(a.ID)
	if Ended(a) {
		_, _, err := c.API.Jobs().EvaluateWithOpts(a.JobID, api.EvalOptions{ForceReschedule: true}, c.write(ctx))
		return c.wrap(op, err)
	}
	_, err := c.API.Allocations().Stop(&api.Allocation{ID: a.ID}, c.query(ctx))
	return c.wrap(op, err)
}
