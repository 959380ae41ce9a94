package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	now := time.Unix(10_000, 0)
	on := func(node string, created int64, state *api.TaskState) *api.AllocationListStub {
		a := &api.AllocationListStub{NodeName: node, CreateTime: time.Unix(created, 0).UnixNano()}
		if state != nil {
			a.TaskStates = map[string]*api.TaskState{nomad.StagingTask: state}
		}
		return a
	}
	pulling := &api.TaskState{State: "pending", Events: []*api.TaskEvent{{Type: "Received"}, {Type: "Driver", DisplayMessage: "Downloading image"}}}
	runs := &api.TaskState{State: "running", StartedAt: time.Unix(9_000, 0)}
	late := &api.TaskState{State: "running", StartedAt: time.Unix(9_200, 0)}
	for name, c := range map[string]struct {
		allocs      []*api.AllocationListStub
		words, hint string
	}{
		"nowhere":            {nil, "no node has taken it within 15m0s: all are full", "nomad node status`"},
		"not received":       {[]*api.AllocationListStub{on("one", 9_040, nil)}, "node one was given it 16m0s ago and has not started it", "-verbose one`"},
		"pulling":            {[]*api.AllocationListStub{on("one", 9_040, pulling)}, "has not started it (its last event: Driver: Downloading image)", "-verbose one`"},
		"hangs":              {[]*api.AllocationListStub{on("one", 9_000, runs)}, "it runs on node one since 16m40s ago, and has not ended itself after 15m0s", "-verbose one`"},
		"started late":       {[]*api.AllocationListStub{on("one", 9_000, late)}, "it ran for 13m20s on node one, which took 3m20s to start it", "--staging-timeout"},
		"after another loss": {[]*api.AllocationListStub{on("two", 9_500, nil), on("one", 9_000, runs)}, "node two was given it", "-verbose two`"},
	} {
		e := overdueError(c.allocs, "all are full", 15*time.Minute, now)
		if !strings.HasPrefix(e.Words, stagingExpired+": ") || !strings.Contains(e.Words, c.words) || !strings.Contains(e.Hint(), c.hint) {
			t.Errorf("%s: %s; hint: %s", name, e.Words, e.Hint())
		}
	}
}
