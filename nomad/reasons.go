package nomad

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// WhyFailed is how an instance ended last, or what kept it from starting, or
// else what Nomad says of it.
func WhyFailed(a *api.AllocationListStub) string {
	ended, hindered, other := "", "", a.ClientDescription
	for _, name := range slices.Sorted(maps.Keys(a.TaskStates)) {
		for _, e := range a.TaskStates[name].Events {
			switch e.Type {
			case api.TaskTerminated:
				ended = fmt.Sprintf("exited with status %d", e.ExitCode)
				if why := lostEnd(e); why != "" {
					ended = "ended, and nobody knows how: " + why
				}
			case api.TaskStarted:
				hindered = ""
			case api.TaskDriverFailure, api.TaskSetupFailure, api.TaskArtifactDownloadFailed, api.TaskFailedValidation, "Template":
				hindered = e.DisplayMessage
			case "Alloc Unhealthy":
				other = e.DisplayMessage
			}
		}
	}
	switch {
	case hindered != "":
		return instanceName(a) + " could not start: " + hindered
	case ended != "":
		return instanceName(a) + " " + ended
	case other != "":
		return instanceName(a) + ": " + other
	}
	return instanceName(a) + " failed"
}

// DescribeFailures words the scheduler's reasons for not placing groups.
func DescribeFailures(failed map[string]*api.AllocationMetric) string {
	var parts []string
	for _, group := range slices.Sorted(maps.Keys(failed)) {
		parts = append(parts, group+": "+describeMetric(failed[group]))
	}
	if len(parts) == 0 {
		return "the scheduler gave no reason"
	}
	return strings.Join(parts, "; ")
}

// missingDrivers is Nomad's own word.
const missingDrivers = "missing drivers"

func describeMetric(m *api.AllocationMetric) string {
	if m.NodesEvaluated == 0 && m.NodesFiltered == 0 && m.NodesExhausted == 0 {
		return "no node is eligible (none ready, or none in the datacenter or node pool)"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m.ConstraintFiltered)) {
		part := fmt.Sprintf("%s on %s", k, nodes(m.ConstraintFiltered[k]))
		if k == missingDrivers {
			part += " (docker: install its engine there, or start it; raw_exec: enable it in the agent's configuration)"
		}
		parts = append(parts, part)
	}
	for _, k := range slices.Sorted(maps.Keys(m.DimensionExhausted)) {
		parts = append(parts, fmt.Sprintf("not enough %s on %s", k, nodes(m.DimensionExhausted[k])))
	}
	for _, k := range m.QuotaExhausted {
		parts = append(parts, "quota "+k+" is used up")
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s evaluated, none fits", nodes(m.NodesEvaluated))
	}
	return strings.Join(parts, ", ")
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// WhyNotPlaced words why a group of a job that was registered has no instance;
// "" = whichever group.
func (c *Client) WhyNotPlaced(ctx context.Context, jobID, group string) (string, error) {
	evals, _, err := c.API.Jobs().Evaluations(jobID, c.query(ctx))
	if err != nil {
		return "", c.wrap("list the evaluations of job "+jobID, err)
	}
	return whyNotPlaced(evals, group), nil
}

// whyNotPlaced looks for the last answer; evals are newest first.
func whyNotPlaced(evals []*api.Evaluation, group string) string {
	for _, e := range evals {
		switch metric := e.FailedTGAllocs[group]; {
		case metric != nil:
			return describeMetric(metric)
		case group == "" && len(e.FailedTGAllocs) > 0:
			return DescribeFailures(e.FailedTGAllocs)
		}
	}
	return "the scheduler has not answered yet"
}
