package nomad

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"
)

func TestTaskJobID(t *testing.T) {
	t.Parallel()
	id := TaskJobID("my-app", "abc123")
	if app, ok := parseTaskJobID(id); !ok || app != "my-app" {
		t.Errorf("%s is of %q, %v", id, app, ok)
	}
	for _, other := range []string{"my-app", "wadi_task_", "wadi_task_a", "wadi_task_a_", "wadi_task_a_b_c", "wadi_task_A_b", "wadi_stage_a_0123456789abcdef_x", "x" + id, id + "\n"} {
		if app, ok := parseTaskJobID(other); ok {
			t.Errorf("%q is taken for a task of %q", other, app)
		}
	}
}

// TestSecretFiles reads back from a job what LRPJob wrote into it.
func TestSecretFiles(t *testing.T) {
	t.Parallel()
	in := testLRP()
	in.EnvironmentKey = "e-1"
	in.Credentials = []Credentials{{Path: "shared/db", File: "credentials-0.json"}, {Path: "shared/cache", File: "credentials-1.json"}}
	for i := range in.Processes {
		in.Processes[i].Key = "p-" + in.Processes[i].Group
	}
	for _, group := range LRPJob(in).TaskGroups {
		keys, credentials := SecretFiles(group)
		want := map[string]string{"revision.json": "r-123", "environment.json": "e-1", "process.json": "p-" + *group.Name, "routes.json": RoutesKey}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("%s (-want +got):\n%s", *group.Name, diff)
		}
		if diff := cmp.Diff(in.Credentials, credentials); diff != "" {
			t.Errorf("%s (-want +got):\n%s", *group.Name, diff)
		}
	}
}

func TestPlacementOf(t *testing.T) {
	t.Parallel()
	for _, in := range []LRP{testLRP(), dockerLRP(true), dockerLRP(false), imageLRP(), privateLRP(), variableLRP()} {
		in.Placement.NodePool, in.Placement.Datacenters, in.Placement.MinHealthy = "apps", []string{"dc1"}, 0
		js, err := json.Marshal(LRPJob(in)) // as it comes back from Nomad
		if err != nil {
			t.Fatal(err)
		}
		var job api.Job
		if err := json.Unmarshal(js, &job); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in.Placement, PlacementOf(&job)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestTaskJobReadsItsOwnVariable: each file is an item of the job's own
// Variable, the only one that its identity may read.
func TestTaskJobReadsItsOwnVariable(t *testing.T) {
	t.Parallel()
	files := []string{"revision.json", "task.json"}
	job := TaskJob(OneOff{ID: TaskJobID("shop", "x1"), Files: files})
	keys, _ := SecretFiles(job.TaskGroups[0])
	if diff := cmp.Diff(map[string]string{"revision.json": "revision.json", "task.json": "task.json"}, keys); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, tmpl := range job.TaskGroups[0].Tasks[0].Templates {
		if !strings.Contains(*tmpl.EmbeddedTmpl, `nomadVar "nomad/jobs/wadi_task_shop_x1"`) || *tmpl.Perms != "0400" {
			t.Errorf("template %q, mode %s", *tmpl.EmbeddedTmpl, *tmpl.Perms)
		}
	}
}

func TestExitOf(t *testing.T) {
	t.Parallel()
	ended := func(events ...*api.TaskEvent) *api.Allocation {
		return &api.Allocation{TaskStates: map[string]*api.TaskState{"app": {Events: events}}}
	}
	started, failed := &api.TaskEvent{Type: api.TaskStarted}, &api.TaskEvent{Type: api.TaskDriverFailure}
	for name, c := range map[string]struct {
		alloc *api.Allocation
		code  int
		ok    bool
	}{
		"done":        {ended(started, &api.TaskEvent{Type: api.TaskTerminated}), 0, true},
		"code":        {ended(started, &api.TaskEvent{Type: api.TaskTerminated, ExitCode: 7}), 7, true},
		"lost":        {ended(started, &api.TaskEvent{Type: api.TaskTerminated, Details: map[string]string{"exit_message": "EOF", "oom_killed": "false"}}), 0, false},
		"lost, -1":    {ended(started, &api.TaskEvent{Type: api.TaskTerminated, ExitCode: -1, Details: map[string]string{"exit_message": "plugin is shut down"}}), -1, false},
		"memory":      {ended(started, &api.TaskEvent{Type: api.TaskTerminated, Details: map[string]string{"exit_message": "OOM Killed", "oom_killed": "true"}}), 0, true},
		"never ran":   {ended(failed), 0, false},
		"other task":  {&api.Allocation{TaskStates: map[string]*api.TaskState{"x": {}}}, 0, false},
		"not started": {&api.Allocation{}, 0, false},
	} {
		if code, ok := ExitOf(c.alloc, "app"); code != c.code || ok != c.ok {
			t.Errorf("%s: %d, %v", name, code, ok)
		}
	}
}
