package nomad

import (
	"fmt"
	"testing"

	"github.com/hashicorp/nomad/api"
)

// TestFitCanaries: a canary is there after its promotion only where what has
// failed leaves the scheduler something else to stop.
func TestFitCanaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		count, inFlight int
		allocs          []*api.AllocationListStub
		want            int
	}{
		"all run":                             {2, 2, allocs("running", "running"), 2},
		"none is there":                       {2, 1, nil, 1},
		"the only one failed":                 {1, 1, allocs("failed"), 0},
		"all failed":                          {3, 2, allocs("failed", "failed", "failed"), 0},
		"one of two, the first":               {2, 1, allocs("failed", "running"), 1},
		"one of two, the last":                {2, 1, allocs("running", "failed"), 1},
		"one of two, both at once":            {2, 2, allocs("failed", "running"), 1},
		"the first and the last of three":     {3, 1, allocs("failed", "running", "failed"), 0},
		"the last two of three":               {3, 1, allocs("running", "failed", "failed"), 1},
		"the first two of three":              {3, 1, allocs("failed", "failed", "pending"), 1},
		"more instances than before":          {4, 1, allocs("failed"), 1},
		"fewer instances than before":         {1, 1, allocs("failed", "failed", "failed"), 0},
		"it ended well":                       {1, 1, allocs("complete"), 1},
		"no instance wanted":                  {0, 1, allocs("failed"), 1},
		"of another group":                    {1, 1, []*api.AllocationListStub{{Name: "a.worker[0]", TaskGroup: "worker", DesiredStatus: "run", ClientStatus: "failed"}}, 1},
		"stopped already":                     {1, 1, []*api.AllocationListStub{{Name: "a.web[0]", TaskGroup: "web", DesiredStatus: "stop", ClientStatus: "failed"}}, 1},
		"tried again already":                 {1, 1, []*api.AllocationListStub{{Name: "a.web[0]", TaskGroup: "web", DesiredStatus: "run", ClientStatus: "failed", NextAllocation: "b"}}, 1},
		"the canary of a version that failed": {1, 1, append(allocs("running"), &api.AllocationListStub{Name: "a.web[0]", TaskGroup: "web", DesiredStatus: "run", ClientStatus: "failed", DeploymentStatus: &api.AllocDeploymentStatus{Canary: true}}), 1},
	} {
		group := &api.TaskGroup{Name: new("web"), Count: new(c.count), Update: updateStrategy(Placement{}, LRPProcess{Count: c.count, MaxInFlight: c.inFlight})}
		fitCanaries(&api.Job{TaskGroups: []*api.TaskGroup{group, {Name: new("x"), Count: new(1)}}}, c.allocs)
		if got := *group.Update.Canary; got != c.want || *group.Update.AutoPromote != (c.want > 0) {
			t.Errorf("%s: %d canaries, auto-promote %v, want %d", name, got, *group.Update.AutoPromote, c.want)
		}
		if got := FewerCanaries(group); got != (c.want < min(c.inFlight, max(c.count, 1))) {
			t.Errorf("%s: fewer canaries is %v", name, got)
		}
	}
}

// allocs are instances #0, #1, … of group web.
func allocs(clientStatus ...string) []*api.AllocationListStub {
	var out []*api.AllocationListStub
	for i, status := range clientStatus {
		out = append(out, &api.AllocationListStub{Name: fmt.Sprintf("a.web[%d]", i), TaskGroup: "web", DesiredStatus: "run", ClientStatus: status})
	}
	return out
}
