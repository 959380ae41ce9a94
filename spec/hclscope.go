package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// unit is a thing that expressions refer to and that is made of expressions
// itself: a local, a stack, a service instance, an app. Units may refer to
// each other in any order, but not in a circle.
type unit struct {
	root, name string
	src        *source
	at         hcl.Range
	exprs      []hclsyntax.Expression
	value      func() (cty.Value, bool)

	state  unitState
	result cty.Value
}

type unitState int

const (
	unitWaiting unitState = iota
	unitVisited           // what it refers to is being worked on
	unitDone
)

func (u *unit) ref() string { return u.root + "." + u.name }

// unitRoots are the names that references begin with, beside var and each.
var unitRoots = []string{"local", "stack", "buildpack", "service_instance", "app"}

// declareUnits notes everything that can be referred to.
func (m *module) declareUnits() {
	for _, b := range m.blocks["locals"] {
		for _, inner := range b.Body.Blocks {
			m.unknownBlock(b.src, inner, "locals", "locals", nil)
		}
		for _, attr := range attributes(b.Body) {
			u := &unit{root: "local", name: attr.Name, src: b.src, at: attr.NameRange, exprs: []hclsyntax.Expression{attr.Expr}}
			u.value = func() (cty.Value, bool) { return m.evaluate(u.src, attr.Expr, u.ref()) }
			if first := m.units[u.ref()]; first != nil {
				m.fail(b.src, attr.NameRange, u.ref(), fmt.Sprintf("local %q is declared twice", attr.Name),
					"It is also declared at "+m.at(first.at)+"; remove one.")
				continue
			}
			m.addUnit(u)
		}
	}
	for typ, names := range map[string][]string{
		"stack": {"driver", "node_pool", "image", "datacenters", "priority"}, "buildpack": {"source", "sha256"},
		"service_instance": {"credentials", "tags", "label", "plan"},
	} {
		for _, b := range m.blocks[typ] {
			m.addUnit(m.blockUnit(b, typ, names))
		}
	}
	for _, b := range m.blocks["app"] {
		m.addUnit(m.appUnit(b))
	}
}

func (m *module) addUnit(u *unit) {
	if m.units[u.ref()] != nil {
		return // declared twice, and told
	}
	m.units[u.ref()] = u
	m.order = append(m.order, u)
	m.names[u.root] = append(m.names[u.root], u.name)
}

// blockUnit is a block as an object of its name and some of its attributes.
func (m *module) blockUnit(b hclBlock, typ string, names []string) *unit {
	u := &unit{root: typ, name: b.Labels[0], src: b.src, at: b.DefRange()}
	for _, name := range names {
		if attr := b.Body.Attributes[name]; attr != nil {
			u.exprs = append(u.exprs, attr.Expr)
		}
	}
	u.value = func() (cty.Value, bool) {
		values := map[string]cty.Value{"name": cty.StringVal(u.name)}
		for _, name := range names {
			values[name] = cty.NullVal(cty.DynamicPseudoType)
			attr := b.Body.Attributes[name]
			if attr == nil {
				continue
			}
			v, ok := m.evaluate(b.src, attr.Expr, u.ref()+"."+name)
			if !ok {
				return cty.DynamicVal, false
			}
			values[name] = v
		}
		return cty.ObjectVal(values), true
	}
	return u
}

// resolveUnits gives every local its value, and every other unit that
// something refers to, each after those it refers to itself.
func (m *module) resolveUnits() {
	for _, u := range m.order {
		if u.root == "local" {
			m.visit(u, nil)
		}
	}
	for _, f := range m.files {
		for _, t := range variablesIn(f.body) {
			for _, u := range m.targets(t) {
				m.visit(u, nil)
			}
		}
	}
	m.scope = m.scopeOf(m.order)
}

// visit works on a unit; path are those that wait for it.
func (m *module) visit(u *unit, path []*unit) {
	switch u.state {
	case unitDone:
		return
	case unitVisited:
		m.circle(path[slices.Index(path, u):])
		return
	}
	u.state = unitVisited
	var needed []*unit
	for _, expr := range u.exprs {
		for _, t := range expr.Variables() {
			for _, other := range m.targets(t) {
				m.visit(other, append(path, u))
				needed = append(needed, other)
			}
		}
	}
	u.state, u.result = unitDone, cty.DynamicVal
	if m.failed[u.ref()] {
		return // it is part of a circle
	}
	outer := m.scope
	m.scope = m.scopeOf(needed)
	v, ok := u.value()
	m.scope = outer
	if u.result = v; !ok {
		m.failed[u.ref()] = true
	}
}

// circle reports units that refer to each other, once, by the first of them.
func (m *module) circle(units []*unit) {
	told := false
	var names []string
	for _, u := range units {
		told = told || m.failed[u.ref()]
		m.failed[u.ref()] = true
		names = append(names, u.ref())
	}
	if told {
		return
	}
	u := units[0]
	what := fmt.Sprintf("%s %q refers to itself", u.root, u.name)
	if len(units) > 1 {
		what += ": " + strings.Join(append(names, u.ref()), " -> ")
	}
	m.fail(u.src, u.at, u.ref(), what, "Break the circle of references.")
}

// scopeOf is what expressions see that refer to the given units.
func (m *module) scopeOf(units []*unit) *hcl.EvalContext {
	roots := map[string]map[string]cty.Value{}
	for _, root := range unitRoots {
		roots[root] = map[string]cty.Value{}
	}
	for _, u := range units {
		if u.state == unitDone {
			roots[u.root][u.name] = u.result
		}
	}
	scope := &hcl.EvalContext{Functions: m.scope.Functions, Variables: map[string]cty.Value{"var": inScope(m.scope, "var")}}
	for root, values := range roots {
		scope.Variables[root] = cty.ObjectVal(values)
	}
	return scope
}

// targets are the units that a reference means: one, or for a whole root
// (`local[var.x]`) all of it.
func (m *module) targets(t hcl.Traversal) []*unit {
	root, name := reference(t)
	if name != "" {
		if u := m.units[root+"."+name]; u != nil {
			return []*unit{u}
		}
		return nil
	}
	var out []*unit
	for _, name := range m.names[root] {
		if u := m.units[root+"."+name]; u != nil {
			out = append(out, u)
		}
	}
	return out
}

// reference takes apart `local.name` and `local["name"]`; the name is "" for
// anything else.
func reference(t hcl.Traversal) (root, name string) {
	root = t.RootName()
	if len(t) < 2 {
		return root, ""
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return root, step.Name
	case hcl.TraverseIndex:
		if key, _ := step.Key.Unmark(); key.Type() == cty.String && key.IsKnown() && !key.IsNull() {
			return root, key.AsString()
		}
	}
	return root, ""
}

// variablesIn are the references of a whole body, but of blocks that are
// read before there is anything to refer to.
func variablesIn(body *hclsyntax.Body) []hcl.Traversal {
	var out []hcl.Traversal
	for _, attr := range attributes(body) {
		out = append(out, attr.Expr.Variables()...)
	}
	for _, b := range body.Blocks {
		if b.Type != "locals" && b.Type != "variable" {
			out = append(out, variablesIn(b.Body)...)
		}
	}
	return out
}

// evaluate answers an expression's value; names that are declared nowhere
// are reported before hcl sees them, for then we can say what to do. What
// refers to something that failed is passed over: that is told already.
func (m *module) evaluate(src *source, expr hclsyntax.Expression, field string) (cty.Value, bool) {
	ok, sensitive := true, false
	for _, t := range expr.Variables() {
		if m.isFailed(t) {
			ok = false
			continue
		}
		problem, fix := m.undeclared(t)
		if problem != "" {
			m.fail(src, t.SourceRange(), field, problem, fix)
			ok = false
			continue
		}
		v, diags := t.TraverseAbs(m.scope)
		if diags.HasErrors() {
			v = m.referred(t)
		}
		sensitive = sensitive || v.ContainsMarked()
	}
	if !ok {
		return cty.DynamicVal, false
	}
	v, diags, err := m.budget.run(expr, m.scope)
	if err != nil {
		m.overspent(src, expr, field, err)
		return cty.DynamicVal, false
	}
	for _, d := range diags {
		if unknown, is := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); is {
			d.Detail = functionFix(unknown.CalledFunctionName(), m.scope)
		}
	}
	if sensitive {
		for _, d := range diags {
			d.Detail = "Correct the expression. Details are hidden, because a sensitive variable takes part."
		}
	}
	m.report(src, field, diags)
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	// Also what holds others twice is charged: it takes no room, but who walks
	// through it takes time.
	if err := m.budget.charge(v); err != nil && err != errNumber {
		m.overspent(src, expr, field, err)
		return cty.DynamicVal, false
	}
	if m.l.convert != nil && !v.IsWhollyKnown() {
		return m.l.convert.unknown(m, src, expr, field, v)
	}
	if !v.IsWhollyKnown() {
		m.fail(src, expr.Range(), field, "the value of this expression is not known", "Build it of values that are known before anything runs.")
		return cty.DynamicVal, false
	}
	return v, true
}

// overspent reports that an expression is too much; once, for nothing can be
// evaluated after that.
func (m *module) overspent(src *source, expr hclsyntax.Expression, field string, err error) {
	if err == errWork && m.exhausted {
		return
	}
	m.exhausted = m.exhausted || err == errWork
	m.fail(src, expr.Range(), field, err.Error(), "Make loops smaller, and texts and lists shorter.")
}

// referred is the thing that a reference leads into.
func (m *module) referred(t hcl.Traversal) cty.Value {
	root, name := reference(t)
	v := inScope(m.scope, root)
	if name != "" && v.Type().IsObjectType() && v.Type().HasAttribute(name) {
		return v.GetAttr(name)
	}
	return v
}

func (m *module) isFailed(t hcl.Traversal) bool {
	if len(m.failed) == 0 {
		return false
	}
	root, name := reference(t)
	if name != "" {
		return m.failed[root+"."+name]
	}
	return slices.ContainsFunc(m.names[root], func(name string) bool { return m.failed[root+"."+name] })
}

// kinds are what people call the things that references begin with.
var kinds = map[string]string{"var": "variable", "local": "local", "stack": "stack", "buildpack": "buildpack", "service_instance": "service instance", "app": "app"}

// undeclared says what is wrong with a reference, "" if it is declared.
func (m *module) undeclared(t hcl.Traversal) (problem, fix string) {
	root, name := reference(t)
	if inScope(m.scope, root) == cty.NilVal {
		if fix = foreignRoots[root]; fix == "" {
			fix = "Write var.name for a variable, local.name for a local, and texts in quotes."
		}
		return fmt.Sprintf("%q is not known here", root), fix
	}
	if root == "each" || name == "" || m.units[root+"."+name] != nil || root == "var" && inScope(m.scope, "var").Type().HasAttribute(name) {
		return "", ""
	}
	switch root {
	case "var":
		fix = fmt.Sprintf("Declare it: variable %q {}.", name)
	case "local":
		fix = fmt.Sprintf("Declare it: locals { %s = … }.", name)
	default:
		fix = fmt.Sprintf("Declare it: %s %q { … }.", root, name)
	}
	if near := nearest(name, m.names[root]); near != "" {
		fix = fmt.Sprintf("Did you mean %s.%s?", root, near)
	}
	return fmt.Sprintf("%s %q is not declared", kinds[root], name), fix
}

// inScope answers what a name stands for, NilVal if it is not known.
func inScope(scope *hcl.EvalContext, root string) cty.Value {
	for ; scope != nil; scope = scope.Parent() {
		if v, ok := scope.Variables[root]; ok {
			return v
		}
	}
	return cty.NilVal
}

// foreignRoots answer references of Terraform, Nomad and Waypoint.
var foreignRoots = map[string]string{
	"each":       "each.key and each.value are known inside an app that has for_each.",
	"path":       "Paths start at the folder of their file: write them without path.module.",
	"terraform":  "wadi has no workspaces: use a variable.",
	"module":     "wadi has no modules; give several folders to one command: wadi plan a b.",
	"data":       "wadi has no data sources: use variables.",
	"count":      "There is no count: an app with for_each has each.key, a process has instances.",
	"self":       "Refer to the thing by its name: app.name, service_instance.name.",
	"env":        "The environment is not read: declare a variable, and set WADI_VAR_name.",
	"vars":       "Write var.name.",
	"locals":     "Write local.name.",
	"services":   "Write service_instance.name.",
	"service":    "Write service_instance.name.",
	"attr":       `Nomad's attributes are known in a constraint: attribute = "attr.cpu.arch".`,
	"node":       `Nomad's attributes are known in a constraint: attribute = "node.class".`,
	"meta":       `Nomad's attributes are known in a constraint: attribute = "meta.rack".`,
	"artifact":   "wadi makes the droplet of an app and runs it; there is nothing to refer to.",
	"workspace":  "wadi has no workspaces: use a variable.",
	"entrypoint": "wadi starts processes by itself; there is nothing to refer to.",
}
