package reconcile

import (
	"fmt"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
)

func constraintsOf(all []spec.Constraint) []nomad.Constraint {
	var out []nomad.Constraint
	for _, c := range all {
		out = append(out, nomad.Constraint(c))
	}
	return out
}

func nodesOf(p *spec.Placement) nomad.Nodes {
	if p == nil {
		return nomad.Nodes{}
	}
	return nomad.Nodes{NodePool: p.NodePool, Datacenters: p.Datacenters, Constraints: constraintsOf(p.Constraints)}
}

// anywhere is what a job without datacenters is given.
const anywhere = "*"

// changedPlacement compares on which nodes jobs run, and with what priority.
// It is read from the live job: Nomad keeps instances where the new rules
// allow theirs, and its own plan tells how many it replaces.
func changedPlacement(is, want *api.Job) []Change {
	var changes []Change
	compare := func(what, from, to, unsaid string) {
		if from == to {
			return
		}
		if from == unsaid {
			from = ""
		}
		if to == unsaid {
			to = ""
		}
		if from != to {
			changes = append(changes, Change{What: what, From: from, To: to})
		}
	}
	compare("node pool", nomad.PoolOf(is), nomad.PoolOf(want), "default")
	compare("datacenters", nomad.DatacentersOf(is), nomad.DatacentersOf(want), anywhere)
	compare("priority", fmt.Sprint(nomad.PriorityOf(is)), fmt.Sprint(nomad.PriorityOf(want)), "50")
	changes = append(changes, changedRules("constraint", nomad.JobRules(is), nomad.JobRules(want))...)
	for _, g := range want.TaskGroups {
		var rules []*api.Constraint
		if live := groupOf(is, *g.Name); live != nil {
			rules = live.Constraints
		}
		changes = append(changes, changedRules(*g.Name+".constraint", nomad.Rules(rules), nomad.Rules(g.Constraints))...)
	}
	return changes
}

func changedRules(what string, is, want []string) []Change {
	var changes []Change
	gains, loses := moved(is, want)
	for _, rule := range loses {
		if nomad.ImplicitRule(rule) {
			continue
		}
		changes = append(changes, Change{What: what, From: rule})
	}
	for _, rule := range gains {
		changes = append(changes, Change{What: what, To: rule})
	}
	return changes
}
