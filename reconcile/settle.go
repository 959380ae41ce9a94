package reconcile

import (
	"context"
	"slices"

	"wadi/stage"
)

// settle finds out what the plan could not: what the buildpacks are that it
// did not reach, and which results there are of the staging.
func (u *run) settle(ctx context.Context) error {
	w := u.plan.work
	if !w.blind {
		return nil
	}
	if w.pinned.Open && w.want.App.Docker == nil {
		if err := u.repin(ctx); err != nil {
			return err
		}
	}
	w.is.ask(ctx, u.r, w.pinned.StagingKey)
	if w.is.ResultErr != nil {
		return w.is.ResultErr
	}
	w.blind, w.is.Recorded, w.generation = false, false, w.is.Generation+1
	return nil
}

// repin pins the buildpacks that the plan could not reach. The others stay
// what the plan says.
func (u *run) repin(ctx context.Context) error {
	w := u.plan.work
	now, err := w.of.buildpacks.Pin(ctx, buildpackNames(w.want))
	if err != nil {
		return err
	}
	for i, b := range w.pinned.Buildpacks {
		if b.Unknown() {
			w.pinned.Buildpacks[i] = now[i]
		}
	}
	// one that still cannot be reached is told by who fetches it
	w.pinned.Open = slices.ContainsFunc(w.pinned.Buildpacks, stage.BuildpackPin.Unknown)
	w.pinned.StagingKey = w.pinned.stagingKey(w.want, w.who, w.of.salt)
	return nil
}

// afresh says that nothing staged before may answer: it was asked for anew,
// or only the staging can tell of which image.
func (u *run) afresh() bool { return u.r.Options.Restage || u.plan.work.pinned.Open }

// known is what was staged before and serves, which the plan could not tell.
func (u *run) known() bool { return u.plan.work.is.Result != nil && !u.afresh() }
