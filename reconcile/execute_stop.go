package reconcile

import (
	"context"

	"wadi/nomad"
)

// stop stops the job, waits until nothing of it runs, and removes its
// secrets and its record.
func (u *run) stop(ctx context.Context) error {
	id := u.plan.Job
	if err := u.r.removeTasks(ctx, id, true); err != nil {
		return err
	}
	if err := u.r.Nomad.StopJob(ctx, id); err != nil {
		return err
	}
	if err := u.r.Nomad.WaitStopped(ctx, id); err != nil {
		return err
	}
	// the job goes last: as long as it is there, a destroy finds it again
	if err := u.forget(ctx); err != nil {
		return err
	}
	return u.r.Nomad.PurgeJob(ctx, id)
}

// forget removes the app's secrets, its record, and what stagings left.
func (u *run) forget(ctx context.Context) error {
	if err := u.sweep(ctx, true); err != nil {
		return err
	}
	if err := u.forgetLogins(ctx); err != nil {
		return err
	}
	if err := u.r.Nomad.DeleteVariable(ctx, nomad.VariablePath(u.plan.Job)); err != nil {
		return err
	}
	return u.r.Nomad.DeleteVariable(ctx, nomad.RecordPath(u.plan.Job))
}
