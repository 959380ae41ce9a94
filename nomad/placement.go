package nomad

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// Constraint is a rule about nodes.
type Constraint struct {
	Attribute string // "attr.cpu.arch"; "" where the operator is about none
	Operator  string
	Value     string
}

// String is the constraint as people read it.
func (c Constraint) String() string {
	return strings.TrimSpace(strings.Join([]string{c.Attribute, c.Operator, c.Value}, " "))
}

// Nodes narrows down where the instances of one process run.
type Nodes struct {
	NodePool    string   // "" = that of the job
	Datacenters []string // "*" in a name stands for anything
	Constraints []Constraint
}

const (
	poolAttribute       = "node.pool"
	datacenterAttribute = "node.datacenter"
	defaultPool         = "default"
	anyPool             = "all"
	defaultPriority     = 50
)

func constraintsOf(all []Constraint) []*api.Constraint {
	var out []*api.Constraint
	for _, c := range all {
		target := ""
		if c.Attribute != "" {
			target = "${" + c.Attribute + "}"
		}
		out = append(out, &api.Constraint{LTarget: target, RTarget: c.Value, Operand: c.Operator})
	}
	return out
}

// jobPool is the node pool of a service job. Nomad knows one for the whole
// job, so where processes differ it is that of all nodes, and each group says
// which of them it wants.
func jobPool(in LRP) (pool string, byGroup bool) {
	own := orDefaultPool(in.Placement.NodePool)
	for _, p := range in.Processes {
		if p.Nodes.NodePool != "" && p.Nodes.NodePool != own {
			return anyPool, true
		}
	}
	return in.Placement.NodePool, false
}

func orDefaultPool(pool string) string {
	if pool == "" {
		return defaultPool
	}
	return pool
}

// groupConstraints are what a process adds to the rules of the job.
func groupConstraints(in LRP, p LRPProcess) []*api.Constraint {
	var all []Constraint
	if _, byGroup := jobPool(in); byGroup {
		pool := p.Nodes.NodePool
		if pool == "" {
			pool = orDefaultPool(in.Placement.NodePool)
		}
		if pool != anyPool {
			all = append(all, Constraint{poolAttribute, "=", pool})
		}
	}
	if len(p.Nodes.Datacenters) > 0 {
		all = append(all, Constraint{datacenterAttribute, "regexp", anyOf(p.Nodes.Datacenters)})
	}
	return constraintsOf(append(all, p.Nodes.Constraints...))
}

// anyOf is a regular expression for names with "*".
func anyOf(names []string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*")
	}
	return "^(" + strings.Join(parts, "|") + ")$"
}

// JobRules are the Rules of a job, without those that every job of ours has.
func JobRules(job *api.Job) []string {
	var others []*api.Constraint
	for i, c := range job.Constraints {
		if i >= len(ownConstraints) || c.LTarget != ownConstraints[i] {
			others = append(others, c)
		}
	}
	return Rules(others)
}

// Rules are constraints as people read them, sorted.
func Rules(constraints []*api.Constraint) []string {
	var out []string
	for _, c := range constraints {
		rule := Constraint{Attribute: c.LTarget, Operator: c.Operand, Value: c.RTarget}
		if inner, ok := strings.CutPrefix(c.LTarget, "${"); ok {
			rule.Attribute = strings.TrimSuffix(inner, "}")
		}
		out = append(out, rule.String())
	}
	slices.Sort(out)
	return out
}

// implicit are the attributes that Nomad's servers add rules about to what is
// registered, by what the tasks use.
var implicit = []string{"attr.nomad.", "attr.consul.", "attr.vault.", "attr.plugins.", "attr.os.signals "}

// ImplicitRule says whether a rule is one that Nomad may have added by itself.
func ImplicitRule(rule string) bool {
	return slices.ContainsFunc(implicit, func(prefix string) bool { return strings.HasPrefix(rule, prefix) })
}

// PoolOf, DatacentersOf and PriorityOf answer what a job says, or what Nomad
// takes where it says nothing.
func PoolOf(job *api.Job) string {
	if job.NodePool == nil {
		return defaultPool
	}
	return orDefaultPool(*job.NodePool)
}

// DatacentersOf is described with PoolOf.
func DatacentersOf(job *api.Job) string {
	names := slices.Clone(job.Datacenters)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// PriorityOf is described with PoolOf.
func PriorityOf(job *api.Job) int {
	if job.Priority == nil {
		return defaultPriority
	}
	return *job.Priority
}
