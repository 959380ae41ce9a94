package nomad

import (
	"testing"

	"github.com/hashicorp/nomad/api"
)

func TestDescribeFailures(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*api.AllocationMetric{
		"web: missing drivers on 2 nodes (docker: install its engine there, or start it; raw_exec: enable it in the agent's configuration)": {
			NodesFiltered: 2, ConstraintFiltered: map[string]int{"missing drivers": 2}},
		"web: not enough memory on 1 node":                                              {NodesEvaluated: 1, DimensionExhausted: map[string]int{"memory": 1}},
		"web: no node is eligible (none ready, or none in the datacenter or node pool)": {},
	} {
		if got := DescribeFailures(map[string]*api.AllocationMetric{"web": m}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Each group has its own reason, and the newest counts.
func TestWhyNotPlaced(t *testing.T) {
	t.Parallel()
	short := func(dimension string) *api.AllocationMetric {
		return &api.AllocationMetric{NodesEvaluated: 1, DimensionExhausted: map[string]int{dimension: 1}}
	}
	evals := []*api.Evaluation{{}, {FailedTGAllocs: map[string]*api.AllocationMetric{"worker": short("disk")}},
		{FailedTGAllocs: map[string]*api.AllocationMetric{"web": short("memory"), "worker": short("cpu")}}}
	for group, want := range map[string]string{
		"web": "not enough memory on 1 node", "worker": "not enough disk on 1 node", "clock": "the scheduler has not answered yet",
		"": "worker: not enough disk on 1 node",
	} {
		if got := whyNotPlaced(evals, group); got != want {
			t.Errorf("%q: %s, want %s", group, got, want)
		}
	}
}
