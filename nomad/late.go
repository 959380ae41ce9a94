package nomad

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"
)

// A successful deployment may still have instances to start: the scheduler
// replaced healthy ones because one of the version before had failed
// meanwhile. Nomad watches over them no more.

// late is the verdict where Nomad has called the deployment successful.
func (r rollout) late(v Verdict, mine []*api.AllocationListStub, limits RolloutLimits, now time.Time) Verdict {
	if v.Running < v.Wanted {
		if a, why := r.fallen(mine, limits.Fatal); a != nil {
			v.State, v.Reason, v.Alloc, v.Late = Failed, why, a, true
			return v
		}
	}
	starting := r.starting(mine)
	if len(starting) == 0 {
		return done(v)
	}
	v.Reason = fmt.Sprintf("%d of %d instances running", v.Running, v.Wanted)
	if now.After(limits.Deadline) {
		v.State, v.Reason, v.Alloc, v.Late = Failed, "timed out: "+v.Reason, cmp.Or(worst(starting), starting[0]), true
	}
	return v
}

// starting are the instances that a successful deployment made and that are
// still to become healthy.
func (r rollout) starting(mine []*api.AllocationListStub) []*api.AllocationListStub {
	var starting []*api.AllocationListStub
	for _, a := range mine {
		if a.DesiredStatus == api.AllocDesiredStatusRun && !Ended(a) && a.CreateIndex <= r.Deployment.ModifyIndex && health(a) == nil {
			starting = append(starting, a)
		}
	}
	return starting
}

// fallen is an instance that a successful deployment made, that does not run
// for all that, and in whose place none does or starts; and why.
func (r rollout) fallen(mine []*api.AllocationListStub, fatal func(int) string) (*api.AllocationListStub, string) {
	coming := r.starting(mine)
	for _, a := range mine {
		inPlace := r.Job != nil && a.CreateIndex < *r.Job.JobModifyIndex
		if inPlace || a.CreateIndex > r.Deployment.ModifyIndex || serves(a) {
			continue
		}
		if slices.ContainsFunc(mine, func(b *api.AllocationListStub) bool {
			return succeeds(b, a) && (serves(b) || slices.Contains(coming, b))
		}) {
			continue
		}
		if a.DesiredStatus == api.AllocDesiredStatusRun {
			if doomed, why := r.doomed([]*api.AllocationListStub{a}, fatal); doomed != nil {
				return doomed, why
			}
			if health(a) != nil && !*health(a) {
				return a, WhyFailed(a)
			}
		} else if a.ClientStatus == api.AllocClientStatusFailed { // and the next has not come up
			return a, WhyFailed(a)
		}
	}
	return nil, ""
}

// succeeds says whether an instance came after another in the same place.
func succeeds(b, a *api.AllocationListStub) bool {
	return b.TaskGroup == a.TaskGroup && AllocIndex(b.Name) == AllocIndex(a.Name) && b.CreateIndex > a.CreateIndex
}
