package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

func TestAppEvents(t *testing.T) {
	t.Parallel()
	version := func(n uint64, stop bool, at time.Time) *api.Job {
		return &api.Job{ID: new("shop"), Version: new(n), Stop: new(stop), SubmitTime: new(at.UnixNano())}
	}
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	h := nomad.History{
		Versions: []*api.Job{version(5, false, at(50)), version(4, true, at(40)), version(3, false, at(30))},
		Deployments: []*api.Deployment{
			{ID: "d5", JobVersion: 5, Status: "failed", StatusDescription: "no luck"},
			{ID: "d1", JobVersion: 1, Status: "successful"}, // Nomad has forgotten its version
		},
	}
	a := instance("i1", "shop.web[1]", 1, "running", "run")
	a.TaskStates = map[string]*api.TaskState{nomad.TaskName: {Events: []*api.TaskEvent{
		{Type: "Started", Time: at(51).UnixNano(), DisplayMessage: "Task started by client "}}}}
	waiting := instance("i2", "shop.web[0]", 1, "pending", "run")
	rec := record{Revisions: []revisionRecord{{Number: 2, When: at(49), State: "failed", Who: "me@here", GitCommit: "0123456789abcdef", Droplet: "d", Reason: "Exit Code: 1"}}}
	want := []AppEvent{
		{Time: at(49), App: "shop", Kind: RevisionEvent, ID: "2", Type: "failed", Text: "by me@here, commit 0123456789ab, droplet d: Exit Code: 1"},
		{Time: at(40), App: "shop", Kind: JobEvent, ID: "shop", Type: "stopped", Text: "version 4"},
		{Time: at(50), App: "shop", Kind: JobEvent, ID: "shop", Type: "started", Text: "version 5"},
		{Time: at(50), App: "shop", Kind: DeploymentEvent, ID: "d5", Type: "failed", Text: "version 5: no luck"},
		{Time: at(51), App: "shop", Kind: InstanceEvent, Process: "web", Instance: new(1), ID: "i1", Type: "Started", Text: "Task started by client"},
	}
	if d := cmp.Diff(want, appEvents("shop", []*api.AllocationListStub{a, waiting}, h, rec)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
