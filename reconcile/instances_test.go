package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func terminated(code, signal int, oom string) *api.TaskEvent {
	return &api.TaskEvent{Type: api.TaskTerminated, Time: noon.UnixNano(), ExitCode: code, Signal: signal,
		Details: map[string]string{"oom_killed": oom}, DisplayMessage: "Exit Code"}
}

func TestInstanceStatus(t *testing.T) {
	t.Parallel()
	created, started, finished := noon, noon.Add(time.Second), noon.Add(time.Minute)
	task := func(state string, failed bool, restarts uint64, events ...*api.TaskEvent) map[string]*api.TaskState {
		return map[string]*api.TaskState{nomad.TaskName: {State: state, Failed: failed, Restarts: restarts, StartedAt: started, FinishedAt: finished, Events: events}}
	}
	for name, c := range map[string]struct {
		client, desired string
		tasks           map[string]*api.TaskState
		want            InstanceStatus
	}{
		"placed":     {"pending", "run", nil, InstanceStatus{State: StateStarting, Since: created}},
		"running":    {"running", "run", task("running", false, 0), InstanceStatus{State: StateRunning, Since: started}},
		"ran before": {"running", "run", task("running", false, 1, terminated(3, 0, "")), InstanceStatus{State: StateRunning, Since: started, Restarts: 1, Details: "Exited with status 3", ExitCode: new(3)}},
		"crashed":    {"failed", "run", task("dead", true, 2, terminated(1, 0, ""), terminated(137, 9, ""), &api.TaskEvent{Type: api.TaskNotRestarting}), InstanceStatus{State: StateCrashed, Since: finished, Restarts: 2, Details: "Killed by signal 9", ExitCode: new(137)}},
		"no memory":  {"failed", "run", task("dead", true, 0, terminated(137, 9, "true")), InstanceStatus{State: StateCrashed, Since: finished, Details: "Exited: out of memory", ExitCode: new(137)}},
		"never healthy": {"failed", "run", task("dead", true, 0, terminated(lifecycle.ExitNeverHealthy, 0, "")),
			InstanceStatus{State: StateCrashed, Since: finished, Details: "Never became healthy in its start timeout", ExitCode: new(lifecycle.ExitNeverHealthy)}},
		"sick": {"failed", "run", task("dead", true, 0, terminated(lifecycle.ExitUnhealthy, 0, "")),
			InstanceStatus{State: StateCrashed, Since: finished, Details: "Failed its health check", ExitCode: new(lifecycle.ExitUnhealthy)}},
		"not set up": {"failed", "run", task("dead", true, 0, &api.TaskEvent{Type: api.TaskArtifactDownloadFailed, DisplayMessage: "no route\n"}),
			InstanceStatus{State: StateCrashed, Since: finished, Details: "no route"}},
		"stopping":  {"running", "stop", task("running", false, 1, terminated(3, 0, "")), InstanceStatus{State: StateStopping, Since: started, Restarts: 1}},
		"node lost": {"lost", "stop", task("running", false, 0), InstanceStatus{State: StateDown, Since: started}},
	} {
		a := instance("id", "app.web[2]", 1, c.client, c.desired)
		a.CreateTime, a.TaskStates = created.UnixNano(), c.tasks
		c.want.Index, c.want.Alloc = 2, "id"
		if d := cmp.Diff(c.want, instanceStatus(a)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestShownInstances(t *testing.T) {
	t.Parallel()
	allocs := []*api.AllocationListStub{
		instance("old", "a.web[0]", 1, "running", "stop"), instance("new", "a.web[0]", 2, "pending", "run"),
		instance("leaving", "a.web[2]", 3, "running", "stop"), instance("gone", "a.web[1]", 4, "complete", "stop"),
		instance("other", "a.worker[1]", 5, "running", "run"),
	}
	var got []string
	for _, a := range shownInstances("web", allocs) {
		got = append(got, a.ID)
	}
	if d := cmp.Diff([]string{"new", "leaving"}, got); d != "" {
		t.Error(d)
	}
}

func TestMissingInstances(t *testing.T) {
	t.Parallel()
	p := ProcessStatus{Wanted: 4, Instances: []InstanceStatus{{Index: 1}, {Index: 3}}}
	want := []InstanceStatus{{Index: 0, State: StateDown}, {Index: 2, State: StateDown}}
	if d := cmp.Diff(want, missingInstances(p)); d != "" {
		t.Error(d)
	}
	p.Wanted = 1
	if got := missingInstances(p); got != nil {
		t.Errorf("with more than wanted: %v", got)
	}
}
