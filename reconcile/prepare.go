package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"wadi/nomad"
	"wadi/spec"
)

// prepare writes what all apps share: the space's salt, and the lifecycle
// that Nomad fetches. The answer is the plan to carry out.
func (r *Reconciler) prepare(ctx context.Context, plan *Plan) (*Plan, error) {
	i := slices.IndexFunc(plan.Apps, func(a AppPlan) bool { return a.work != nil && len(a.Operations) > 0 })
	if i < 0 {
		return plan, nil
	}
	if of := plan.Apps[i].work.of; of.saltNew {
		_, err := r.Nomad.WriteVariable(ctx, spacePath, nomad.Variable{Items: map[string]string{"salt": string(of.salt)}})
		if errors.Is(err, nomad.ErrConflict) {
			plan, err = r.planAgain(ctx, plan, of.doc)
		}
		if err != nil {
			return nil, err
		}
	}
	return plan, r.uploadLifecycle(ctx)
}

// planAgain makes a plan anew with the salt that another apply, which was
// here first, has given the space meanwhile. Nobody who said yes to the plan
// has seen the salt, but everything else has to be as they saw it.
func (r *Reconciler) planAgain(ctx context.Context, plan *Plan, doc *spec.Document) (*Plan, error) {
	again, err := r.Plan(ctx, doc)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again.decided(), plan.decided()) {
		return nil, &OvertakenError{Space: r.Nomad.Space}
	}
	return again, nil
}

// decided is what a plan does, without its reasons. What has to be staged, and
// whose salt it rests on, another apply of the same source may have changed.
func (p *Plan) decided() []byte {
	apps := []AppPlan{}
	for _, app := range p.Apps {
		if len(app.Operations) == 0 {
			continue
		}
		app.Warnings, app.Unresolved = nil, nil
		app.Changes = slices.Clone(app.Changes)
		for i, ch := range app.Changes {
			if ch.What == "droplet" {
				app.Changes[i].To = ""
			}
		}
		var ops []Operation
		for _, op := range app.Operations {
			if op.Kind != Upload && op.Kind != Stage {
				ops = append(ops, Operation{Kind: op.Kind, What: op.What})
			}
		}
		app.Operations = ops
		apps = append(apps, app)
	}
	return mustJSON(apps)
}

// OvertakenError is a plan of which another apply has changed more than it
// could go on with.
type OvertakenError struct{ Space string }

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("another apply was the first one in space %s, and has changed what this one would do; nothing was done", e.Space)
}

// Hint says what to do next.
func (e *OvertakenError) Hint() string { return "plan again to see what changed" }
