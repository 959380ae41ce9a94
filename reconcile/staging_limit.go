package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// defaultStagingTimeout is Cloud Foundry's, over everything that a staging does.
const defaultStagingTimeout = 15 * time.Minute

func (r *Reconciler) stagingTimeout() time.Duration {
	if r.Options.StagingTimeout > 0 {
		return r.Options.StagingTimeout
	}
	return defaultStagingTimeout
}

// stagingSlack is how much later than a staging task, which keeps the limit
// from its own start, an apply ends one that cannot: nothing started it, or it
// hangs. The task says better what took the time.
func stagingSlack(limit time.Duration) time.Duration { return 30*time.Second + limit/30 }

// overdue says what became of a staging that has not ended in time.
func (u *run) overdue(ctx context.Context, id string) error {
	limit := u.r.stagingTimeout()
	allocs, err := u.r.Nomad.Allocations(ctx, id)
	if err != nil {
		return &StagingError{Words: fmt.Sprintf("%s: it has not ended after %s (%v)", stagingExpired, limit, err), Late: true}
	}
	why := ""
	if len(allocs) == 0 {
		if why, err = u.r.Nomad.WhyNotPlaced(ctx, id, ""); err != nil {
			why = err.Error()
		}
	}
	return overdueError(allocs, why, limit, time.Now())
}

// stagingExpired is Cloud Foundry's.
const stagingExpired = "StagingTimeExpired: Staging time expired"

// overdueError words it: nowhere is why no node has taken it.
func overdueError(allocs []*api.AllocationListStub, nowhere string, limit time.Duration, now time.Time) *StagingError {
	e := &StagingError{Late: true}
	var last *api.AllocationListStub
	for _, a := range allocs {
		if last == nil || a.CreateTime > last.CreateTime {
			last = a
		}
	}
	if last == nil {
		e.Words = fmt.Sprintf("%s: no node has taken it within %s: %s", stagingExpired, limit, nowhere)
		e.Node = "any"
		return e
	}
	e.Node = last.NodeName
	age := now.Sub(time.Unix(0, last.CreateTime)).Round(time.Second)
	state := last.TaskStates[nomad.StagingTask]
	if state == nil || state.State == "pending" {
		e.Words = fmt.Sprintf("%s: node %s was given it %s ago and has not started it%s", stagingExpired, last.NodeName, age, lastEvent(state))
		return e
	}
	ran := now.Sub(state.StartedAt).Round(time.Second)
	if ran < limit { // the time is over before the task's own
		e.Node = ""
		e.Words = fmt.Sprintf("%s: it ran for %s on node %s, which took %s to start it", stagingExpired,
			ran, last.NodeName, state.StartedAt.Sub(time.Unix(0, last.CreateTime)).Round(time.Second))
		return e
	}
	e.Words = fmt.Sprintf("%s: it runs on node %s since %s ago, and has not ended itself after %s, as it does where nothing hangs%s",
		stagingExpired, last.NodeName, ran, limit, lastEvent(state))
	return e
}

func lastEvent(state *api.TaskState) string {
	if state == nil || len(state.Events) == 0 {
		return ""
	}
	e := state.Events[len(state.Events)-1]
	return fmt.Sprintf(" (its last event: %s: %s)", e.Type, e.DisplayMessage)
}
