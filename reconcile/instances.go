package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// States of an instance, cf's words.
const (
	StateStarting = "starting"
	StateRunning  = "running"
	StateCrashed  = "crashed"
	StateStopping = "stopping"
	StateDown     = "down" // there is none, or its node is gone
)

// newestByIndex are the instances of a group that should run, the newest of
// each index.
func newestByIndex(group string, allocs []*api.AllocationListStub) []*api.AllocationListStub {
	byIndex := map[int]*api.AllocationListStub{}
	for _, a := range allocs {
		if a.TaskGroup != group || a.DesiredStatus != api.AllocDesiredStatusRun {
			continue
		}
		i := nomad.AllocIndex(a.Name)
		if old := byIndex[i]; old == nil || old.CreateIndex < a.CreateIndex {
			byIndex[i] = a
		}
	}
	var out []*api.AllocationListStub
	for _, a := range byIndex {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *api.AllocationListStub) int { return nomad.AllocIndex(a.Name) - nomad.AllocIndex(b.Name) })
	return out
}

// shownInstances are one instance an index: the newest that should run, else
// one that is about to stop.
func shownInstances(group string, allocs []*api.AllocationListStub) []*api.AllocationListStub {
	out := newestByIndex(group, allocs)
	taken := map[int]bool{}
	for _, a := range out {
		taken[nomad.AllocIndex(a.Name)] = true
	}
	for _, a := range allocs {
		if i := nomad.AllocIndex(a.Name); a.TaskGroup == group && !taken[i] && a.DesiredStatus != api.AllocDesiredStatusRun && !nomad.Ended(a) {
			taken[i] = true
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *api.AllocationListStub) int {
		return cmp.Compare(nomad.AllocIndex(a.Name), nomad.AllocIndex(b.Name))
	})
	return out
}

// missingInstances are the wanted ones that Nomad has not placed.
func missingInstances(p ProcessStatus) []InstanceStatus {
	there := map[int]bool{}
	for _, in := range p.Instances {
		there[in.Index] = true
	}
	var out []InstanceStatus
	for i, n := 0, p.Wanted-len(p.Instances); n > 0; i++ {
		if !there[i] {
			out = append(out, InstanceStatus{Index: i, State: StateDown})
			n--
		}
	}
	return out
}

// instanceStatus is what Nomad says of an instance without asking its node.
func instanceStatus(a *api.AllocationListStub) InstanceStatus {
	in := InstanceStatus{Index: nomad.AllocIndex(a.Name), State: StateStarting, Alloc: a.ID, Since: time.Unix(0, a.CreateTime).UTC()}
	state := a.TaskStates[nomad.TaskName]
	switch {
	case a.ClientStatus == api.AllocClientStatusLost, a.ClientStatus == api.AllocClientStatusUnknown:
		in.State = StateDown
	case a.ClientStatus == api.AllocClientStatusFailed, state != nil && state.Failed:
		in.State = StateCrashed
	case a.DesiredStatus != api.AllocDesiredStatusRun:
		in.State = StateStopping
	case a.ClientStatus == api.AllocClientStatusRunning && state != nil && state.State == "running":
		in.State = StateRunning
	}
	if state == nil {
		in.Details = a.ClientDescription
		return in
	}
	in.Restarts = int(state.Restarts)
	switch {
	case in.State == StateCrashed && !state.FinishedAt.IsZero():
		in.Since = state.FinishedAt.UTC()
	case !state.StartedAt.IsZero():
		in.Since = state.StartedAt.UTC()
	}
	if in.State != StateStopping && (in.State != StateRunning || in.Restarts > 0) {
		in.Details, in.ExitCode = crashReason(state.Events)
	}
	return in
}

// crashReason words the last event that says why a task ended, and its exit
// code if it had one.
func crashReason(events []*api.TaskEvent) (words string, exitCode *int) {
	for _, e := range slices.Backward(events) {
		switch e.Type {
		case api.TaskTerminated:
			return exitWords(e), new(e.ExitCode)
		case api.TaskDriverFailure, api.TaskSetupFailure, api.TaskArtifactDownloadFailed, api.TaskFailedValidation, "Template":
			return strings.TrimSpace(e.DisplayMessage), nil
		}
	}
	return "", nil
}

func exitWords(e *api.TaskEvent) string {
	switch {
	case e.Details["oom_killed"] == "true":
		return "Exited: out of memory"
	case e.ExitCode == lifecycle.ExitNeverHealthy:
		return "Never became healthy in its start timeout"
	case e.ExitCode == lifecycle.ExitUnhealthy:
		return "Failed its health check"
	case e.Signal != 0:
		return fmt.Sprintf("Killed by signal %d", e.Signal)
	}
	return fmt.Sprintf("Exited with status %d", e.ExitCode)
}
