package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// module takes what has no place in a manifest and sees to it that references
// to variables stay in the apps, which are read next. What was said since
// before may be wrong only because variables have no values.
func (c *converter) module(m *module, before int) {
	c.fromHCL = true
	for _, v := range m.variables {
		if known := v.value.IsWhollyKnown(); known && !m.failed["var."+v.name] {
			c.given[v.name] = fromCty(v.value, &node{})
		} else {
			c.missing[v.name] = true
		}
	}
	if len(c.missing) > 0 {
		m.l.diags = m.l.diags[:before]
	}
	m.asText = true
	c.modules = append(c.modules, m)
}

// text is the value of an app's expression in which variables stand by their
// names. What is computed of them has the value that they have now.
func (c *converter) text(m *module, src *source, expr hclsyntax.Expression, field string) *node {
	_, direct := expr.(*hclsyntax.ScopeTraversalExpr)
	if !direct || !strings.HasSuffix(field, ".routes") { // a manifest's routes are maps, those of HCL may be texts
		expr = c.withRefs(m, expr)
	}
	n := m.parts(src, expr, field)
	if n == nil {
		return nil
	}
	n.nameFields(field)
	at := src.nodeAt(expr.Range())
	at.field = field
	if _, secret := n.tainted(); secret {
		c.refuse(src, secretPart(n), "a sensitive value would stand in the manifest", "By itself or within a text a variable becomes ((name)); take it out of the function or condition.")
		return nil
	}
	if names := c.computedOf(m, expr); len(names) > 0 {
		c.leave(src, at, fmt.Sprintf("computed with %s: the manifest has what it is now", strings.Join(names, ", ")), "Manifests take variables only as they are: ((name)).")
	}
	return n
}

// secretPart is the innermost part of a value that makes it secret.
func secretPart(n *node) *node {
	parts := slices.Clone(n.items)
	for _, e := range n.entries {
		parts = append(parts, e.val)
	}
	for _, part := range parts {
		if _, secret := part.tainted(); secret {
			return secretPart(part)
		}
	}
	return n
}

// unknown is the value of an expression whose variables have none.
func (c *converter) unknown(m *module, src *source, expr hclsyntax.Expression, field string, v cty.Value) (cty.Value, bool) {
	if !m.asText {
		return v, true
	}
	var names []string
	for _, name := range c.computedOf(m, expr) {
		if c.missing[strings.TrimPrefix(name, "var.")] {
			names = append(names, name)
		}
	}
	m.fail(src, expr.Range(), field, "the value of this expression is not known: it is computed with "+strings.Join(names, ", "),
		"Manifests take variables only as they are. Give the value with --var or --vars-file, and the result is written.")
	return cty.DynamicVal, false
}

// computedOf are the variables that an expression computes with, also through
// what it refers to.
func (c *converter) computedOf(m *module, expr hclsyntax.Expression) []string {
	var out []string
	c.computed(m, expr, map[string]bool{}, &out)
	return out
}

func (c *converter) computed(m *module, expr hclsyntax.Expression, seen map[string]bool, out *[]string) {
	for _, t := range expr.Variables() {
		root, name := reference(t)
		ref := root + "." + name
		if name == "" || seen[ref] {
			continue
		}
		u := m.units[ref]
		switch {
		case root == "var":
			seen[ref] = true
			*out = append(*out, ref)
		case u == nil || root != "local" && root != "app" && len(t) == 3 && attributeName(t[2]) == "name":
			// a block's name is its label
		default:
			seen[ref] = true
			for _, inner := range u.exprs {
				c.computed(m, inner, seen, out)
			}
		}
	}
}

func attributeName(step hcl.Traverser) string {
	attr, _ := step.(hcl.TraverseAttr)
	return attr.Name
}

// withRefs answers an expression in which references to variables that a
// manifest can have are texts: by themselves, in templates, lists and
// objects, and in locals that are such.
func (c *converter) withRefs(m *module, expr hclsyntax.Expression) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return c.refOf(m, e)
	case *hclsyntax.TemplateExpr:
		out := *e
		out.Parts = c.allWithRefs(m, e.Parts)
		return &out
	case *counted:
		return c.withRefs(m, e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		out := *e
		out.Wrapped = c.withRefs(m, e.Wrapped)
		return &out
	case *hclsyntax.ParenthesesExpr:
		out := *e
		out.Expression = c.withRefs(m, e.Expression)
		return &out
	case *hclsyntax.TupleConsExpr:
		out := *e
		out.Exprs = c.allWithRefs(m, e.Exprs)
		return &out
	case *hclsyntax.ObjectConsKeyExpr:
		if hcl.ExprAsKeyword(e.Wrapped) != "" && !e.ForceNonLiteral {
			return e
		}
		out := *e
		out.Wrapped = c.withRefs(m, e.Wrapped)
		return &out
	case *hclsyntax.ObjectConsExpr:
		out := *e
		out.Items = slices.Clone(e.Items)
		for i, item := range e.Items {
			out.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: c.withRefs(m, item.KeyExpr), ValueExpr: c.withRefs(m, item.ValueExpr)}
		}
		return &out
	}
	return expr
}

func (c *converter) allWithRefs(m *module, exprs []hclsyntax.Expression) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(exprs))
	for i, expr := range exprs {
		out[i] = c.withRefs(m, expr)
	}
	return out
}

// maxInlined bounds how many locals become what they are made of: each may
// refer to the next one twice.
const maxInlined = 10_000

// refOf is one reference.
func (c *converter) refOf(m *module, e *hclsyntax.ScopeTraversalExpr) hclsyntax.Expression {
	root, name := reference(e.Traversal)
	literal := func(text string) hclsyntax.Expression {
		return &hclsyntax.LiteralValueExpr{Val: cty.StringVal(text), SrcRange: e.SrcRange}
	}
	switch u := m.units[root+"."+name]; {
	case name == "" || m.failed[root+"."+name]:
	case root == "var" && slices.Contains(m.names["var"], name):
		if path, ok := referencePath(e.Traversal); ok {
			return literal(refOpen + path + refClose)
		}
	case u == nil || len(e.Traversal) != 2:
	case root == "local" && c.inlined < maxInlined && len(c.computedOf(m, u.exprs[0])) > 0:
		c.inlined++
		return c.withRefs(m, u.exprs[0])
	case root == "stack" || root == "buildpack" || root == "service_instance":
		return literal(name) // its other attributes may not be known
	}
	return e
}

// referencePath is a reference to a variable or to a part of one as ((…)) has
// it: "a.b.0".
func referencePath(t hcl.Traversal) (string, bool) {
	var parts []string
	for _, step := range t[1:] {
		switch s := step.(type) {
		case hcl.TraverseAttr:
			parts = append(parts, s.Name)
		case hcl.TraverseIndex:
			switch key, _ := s.Key.Unmark(); {
			case key.IsNull() || !key.IsKnown():
				return "", false
			case key.Type() == cty.String:
				parts = append(parts, key.AsString())
			case key.Type() == cty.Number:
				parts = append(parts, key.AsBigFloat().Text('f', -1))
			}
		default:
			return "", false
		}
	}
	path := strings.Join(parts, ".")
	return path, wholeVariable.MatchString("((" + path + "))")
}
