package nomad

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/nomad/api"
)

// Deploy registers the service job of an app as Register does, with as many
// canaries as the scheduler keeps beside the instances that are there now.
func (c *Client) Deploy(ctx context.Context, job *api.Job, index uint64) (Registration, error) {
	if index != 0 {
		allocs, err := c.Allocations(ctx, *job.ID)
		if err != nil {
			return Registration{}, err
		}
		fitCanaries(job, allocs)
	}
	return c.Register(ctx, job, index)
}

// fitCanaries gives each group as many canaries as are still there once they
// are promoted. A failed instance that waits for its next try counts as one
// that is there, yet the scheduler stops only what runs: in its place it stops
// a canary that has just become healthy, and makes a third instance of the
// failed one. Without a canary the failed one is replaced at once.
func fitCanaries(job *api.Job, allocs []*api.AllocationListStub) {
	for _, g := range job.TaskGroups {
		if g.Update == nil || *g.Count == 0 {
			continue
		}
		live, failed := map[int]bool{}, map[int]bool{}
		for _, a := range allocs {
			if a.TaskGroup != *g.Name || a.DesiredStatus != api.AllocDesiredStatusRun {
				continue
			}
			switch a.ClientStatus {
			case api.AllocClientStatusFailed:
				// the canaries of a version that failed are about to be stopped
				canary := a.DeploymentStatus != nil && a.DeploymentStatus.Canary
				if a.NextAllocation == "" && !canary {
					failed[AllocIndex(a.Name)] = true
				}
			case api.AllocClientStatusPending, api.AllocClientStatusRunning, api.AllocClientStatusUnknown:
				live[AllocIndex(a.Name)] = true
			}
		}
		canaries := wantedCanaries(*g.Update.MaxParallel, *g.Count)
		for canaries > 0 && !keepsCanaries(*g.Count, canaries, live, failed) {
			canaries--
		}
		g.Update.Canary, g.Update.AutoPromote = new(canaries), new(canaries > 0)
	}
}

// keepsCanaries says whether the scheduler stops none of the canaries when
// they are promoted, of a group of so many, whose instances of the version
// before are given by their numbers. It does as Nomad's computeStop.
func keepsCanaries(count, canaries int, live, failed map[int]bool) bool {
	if len(failed) == 0 {
		return true
	}
	remove := len(live) + len(failed) + canaries - count
	stays := maps.Clone(live)
	for i := range canaries { // first those in whose names the canaries run
		if remove > 0 && stays[i] {
			delete(stays, i)
			remove--
		}
	}
	names := maps.Clone(live)
	maps.Copy(names, failed)
	for i := range canaries {
		names[i] = true
	}
	sorted := slices.Sorted(maps.Keys(names))
	highest := sorted[len(sorted)-min(max(remove, 0), len(sorted)):]
	for _, i := range highest { // then those with the highest names
		if i < canaries {
			return false
		}
		if stays[i] {
			remove--
		}
	}
	return remove <= 0 // what is left to stop may be any
}

// wantedCanaries are the canaries of a group of which none has failed.
// Auto-promote is refused with none, also where no instance is wanted.
func wantedCanaries(inFlight, count int) int { return min(inFlight, max(count, 1)) }

// FewerCanaries says whether a group was deployed with fewer canaries than it
// gets where no instance has failed.
func FewerCanaries(g *api.TaskGroup) bool {
	return g.Update != nil && *g.Update.Canary < wantedCanaries(*g.Update.MaxParallel, *g.Count)
}
