package spec

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// constraint adds a constraint block to the list of the thing it stands in.
func (m *module) constraint(src *source, b *hclsyntax.Block, into *node, field string) {
	if !m.labelled(src, b, 0) {
		return
	}
	field += ".constraint"
	m.onlyAttributes(src, b, field, "a constraint", hclAttributes(constraintTable))
	n := src.nodeAt(b.DefRange())
	n.kind, n.field = kindMap, field
	for _, attr := range attributes(b.Body) {
		if !slices.Contains(hclAttributes(constraintTable), attr.Name) {
			continue
		}
		if text := nodeReference(src, attr.Expr); text != "" {
			v := newString(text, src.nodeAt(attr.Expr.Range()))
			v.field = field + "." + attr.Name
			m.put(n, attr.Name, v)
			continue
		}
		m.attribute(src, attr, n, field, field)
	}
	list := into.get("constraint")
	if list == nil {
		list = src.nodeAt(b.DefRange())
		list.kind, list.field = kindList, field
		m.put(into, "constraint", list)
	}
	list.items = append(list.items, n)
}

// nodeReference is the text of "${attr.cpu.arch}", as people write it in
// Nomad's jobs: for Nomad to interpret, not for us. "" for all else.
func nodeReference(src *source, expr hclsyntax.Expression) string {
	if wrapped, ok := expr.(*hclsyntax.TemplateWrapExpr); ok {
		expr = wrapped.Wrapped
	}
	t, ok := expr.(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return ""
	}
	switch t.Traversal.RootName() {
	case "attr", "node", "meta":
		return string(t.SrcRange.SliceBytes(src.data))
	}
	return ""
}
