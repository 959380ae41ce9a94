package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"
)

// Operators of constraints, and what Nomad's other words for them are.
var (
	constraintOperators = []string{
		"=", "!=", ">", ">=", "<", "<=", "regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any",
		"is_set", "is_not_set", "distinct_hosts", "distinct_property",
	}
	operatorAliases = map[string]string{"": "=", "==": "=", "is": "=", "not": "!="}
)

var (
	nodeAttribute   = regexp.MustCompile(`^((attr|meta)\.[^\s{}$]+|node\.(unique\.id|unique\.name|datacenter|class|pool))$`)
	nodePoolPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

// placementReader reads where a stack or a process runs.
type placementReader struct {
	get  func(key string) *node
	fail func(n *node, summary, detail string)
}

func (r placementReader) read() Placement {
	var p Placement
	if n := r.get("node_pool"); n != nil {
		p.NodePool = r.text(n, "node_pool")
		if p.NodePool != "" && !nodePoolPattern.MatchString(p.NodePool) {
			r.fail(n, fmt.Sprintf("%q is no name of a node pool", p.NodePool), "A name has 1 to 128 letters, digits, - and _.")
		}
	}
	if n := r.get("datacenters"); n != nil {
		p.Datacenters = r.datacenters(n)
	}
	if n := r.get("constraint"); n != nil {
		for _, item := range n.items {
			p.Constraints = append(p.Constraints, r.constraint(item))
		}
	}
	return p
}

// text is a string that shows in Nomad's job; "" after an error, or for null.
func (r placementReader) text(n *node, what string) string {
	switch _, secret := n.tainted(); {
	case n.kind == kindNull:
	case secret:
		r.fail(n, what+" may not come from a sensitive variable", "It shows in Nomad's job: use a variable that is not sensitive.")
	case n.kind == kindList || n.kind == kindMap:
		r.fail(n, fmt.Sprintf("%s must be a string, here is %s", what, n.kind), "Write one text in quotes.")
	default:
		return n.text()
	}
	return ""
}

func (r placementReader) datacenters(n *node) []string {
	if n.kind != kindList || len(n.items) == 0 {
		r.fail(n, "datacenters must be a list of at least one name", `Write datacenters = ["dc1"], or remove the attribute: any will do then.`)
		return nil
	}
	var out []string
	for _, item := range n.items {
		name := r.text(item, "datacenters")
		if item.kind == kindNull || item.kind == kindString && item.str == "" {
			r.fail(item, "a datacenter has no name", `Write its name, or "dc*" for several.`)
		}
		out = append(out, name)
	}
	return out
}

// constraint reads one rule about the nodes and holds it to what Nomad takes,
// which would only be told when the job is planned.
func (r placementReader) constraint(n *node) Constraint {
	get := func(key string) string {
		if v := n.get(key); v != nil {
			return r.text(v, key)
		}
		return ""
	}
	c := Constraint{Attribute: get("attribute"), Operator: get("operator"), Value: get("value")}
	if alias, ok := operatorAliases[c.Operator]; ok {
		c.Operator = alias
	}
	if inner, ok := strings.CutPrefix(c.Attribute, "${"); ok {
		c.Attribute = strings.TrimSuffix(inner, "}")
	}
	if !slices.Contains(constraintOperators, c.Operator) {
		detail := "Operators are " + strings.Join(constraintOperators, ", ") + "."
		if near := nearest(c.Operator, constraintOperators); near != "" {
			detail = fmt.Sprintf("Did you mean %q? %s", near, detail)
		}
		r.fail(orNode(n.get("operator"), n), fmt.Sprintf("%q is no operator of a constraint", c.Operator), detail)
		return c
	}
	switch {
	case c.Operator == "distinct_hosts":
		r.distinctHosts(n, &c)
	case c.Attribute == "":
		r.fail(n, "a constraint needs an attribute", `Write attribute = "attr.cpu.arch", "meta.rack", "node.class".`)
	case !nodeAttribute.MatchString(c.Attribute):
		r.fail(n.get("attribute"), fmt.Sprintf("%q is no attribute of Nomad's nodes", c.Attribute),
			"There are attr.NAME and meta.NAME (`nomad node status -verbose` lists them), node.class, node.datacenter, node.pool, node.unique.id and node.unique.name.")
	}
	if problem := c.valueProblem(); problem != "" {
		r.fail(orNode(n.get("value"), n), fmt.Sprintf("operator %s: %s", c.Operator, problem), "Correct the value.")
	}
	return c
}

func (r placementReader) distinctHosts(n *node, c *Constraint) {
	if c.Attribute != "" {
		r.fail(n.get("attribute"), "distinct_hosts is about no attribute", "Remove the attribute; distinct_property is about one.")
	}
	if c.Value == "" {
		c.Value = "true"
	}
}

// valueProblem says what is wrong with a constraint's value.
func (c Constraint) valueProblem() string {
	var err error
	switch c.Operator {
	case "is_set", "is_not_set":
		if c.Value != "" {
			return "it takes no value"
		}
		return ""
	case "distinct_hosts":
		_, err = strconv.ParseBool(c.Value)
	case "distinct_property":
		if n, parseErr := strconv.ParseUint(c.Value, 10, 64); c.Value != "" && (parseErr != nil || n == 0) {
			return fmt.Sprintf("%q is not a number of instances, at least 1", c.Value)
		}
		return ""
	case "regexp":
		_, err = regexp.Compile(c.Value)
	case "version", "semver":
		_, err = version.NewConstraint(c.Value)
	}
	switch {
	case c.Value == "":
		return "it needs a value"
	case err != nil:
		return err.Error()
	}
	return ""
}
