package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

func TestTaskOf(t *testing.T) {
	t.Parallel()
	const worker = `{"type":"worker","command":"work","memory_mb":96,"disk_mb":512,"http":false}`
	const web = `{"type":"web","command":"serve","memory_mb":64,"disk_mb":256,"http":true}`
	for name, c := range map[string]struct {
		process string
		o       TaskOptions
		want    lifecycle.Task
	}{
		"command":         {web, TaskOptions{Command: "x"}, lifecycle.Task{Process: "web", Command: "x", MemoryMB: 64, DiskMB: 256}},
		"sizes":           {web, TaskOptions{Command: "x", MemoryMB: 1, DiskMB: 2, Timeout: time.Minute}, lifecycle.Task{Process: "web", Command: "x", MemoryMB: 1, DiskMB: 2, TimeoutS: 60}},
		"template":        {worker, TaskOptions{Process: "worker"}, lifecycle.Task{Process: "worker", Command: "work", MemoryMB: 96, DiskMB: 512}},
		"both":            {worker, TaskOptions{Process: "worker", Command: "x"}, lifecycle.Task{Process: "worker", Command: "x", MemoryMB: 96, DiskMB: 512}},
		"of the droplet":  {web, TaskOptions{Process: "migrate"}, lifecycle.Task{Process: "migrate", MemoryMB: 64, DiskMB: 256}},
		"web's is no own": {`{"type":"web","memory_mb":64}`, TaskOptions{Process: "web"}, lifecycle.Task{Process: "web", MemoryMB: 64}},
	} {
		got, err := taskOf(c.process, c.o)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := taskOf("", TaskOptions{}); err == nil {
		t.Error("a version without the process is taken")
	}
}

func TestIsLeft(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		live bool
		ago  time.Duration
		want bool
	}{
		{true, time.Hour, false},            // it may take all day
		{false, time.Second, false},         // its wadi reads the last of its output
		{false, leftAfter, true},            //
		{false, -time.Hour, false},          // clocks differ
		{false, 400 * 24 * time.Hour, true}, //
	} {
		if got := isLeft(nomad.TaskRun{Live: c.live, Last: now.Add(-c.ago)}, now); got != c.want {
			t.Errorf("live %v, %s ago: %v", c.live, c.ago, got)
		}
	}
}

func TestRunningNames(t *testing.T) {
	t.Parallel()
	alloc := func(group, name, desired, client, state string) *api.AllocationListStub {
		return &api.AllocationListStub{TaskGroup: group, Name: name, DesiredStatus: desired, ClientStatus: client,
			TaskStates: map[string]*api.TaskState{nomad.TaskName: {State: state}}}
	}
	got := runningNames([]*api.AllocationListStub{
		alloc("worker", "shop.worker[0]", "run", "running", "running"),
		alloc("web", "shop.web[2]", "run", "running", "running"),
		alloc("web", "shop.web[1]", "run", "pending", "pending"),
		alloc("web", "shop.web[0]", "run", "running", "running"),
		alloc("web", "shop.web[0]", "run", "failed", "dead"),
		alloc("web", "shop.web[3]", "stop", "running", "running"),
	})
	if diff := cmp.Diff([]string{"web/0", "web/2", "worker/0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	stopped := &NotRunningError{App: "shop", Process: "web", Index: 1, State: StateStarting, Running: got}
	if want := "instance 1 of process web of app \"shop\" is starting"; stopped.Error() != want || stopped.Hint() != "running: web/0, web/2, worker/0" {
		t.Errorf("%v; %s", stopped, stopped.Hint())
	}
}
