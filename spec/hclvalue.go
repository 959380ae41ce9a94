package spec

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// mark is what values of sensitive variables carry through expressions.
type mark string

const sensitiveMark mark = "sensitive"

// value evaluates an expression to a node, with the positions of the parts
// of lists and objects that are written out. Nil after an error.
func (m *module) value(src *source, expr hclsyntax.Expression, field string) *node {
	if m.asText {
		return m.l.convert.text(m, src, expr, field)
	}
	n := m.parts(src, expr, field)
	if n != nil {
		n.nameFields(field)
	}
	return n
}

func (m *module) parts(src *source, expr hclsyntax.Expression, field string) *node {
	switch e := expr.(type) {
	case *hclsyntax.ObjectConsExpr:
		return m.object(src, e, field)
	case *hclsyntax.TupleConsExpr:
		n := src.nodeAt(e.Range())
		n.kind = kindList
		ok := true
		for _, item := range e.Exprs {
			v := m.parts(src, item, field)
			ok = ok && v != nil
			n.items = append(n.items, v)
		}
		if !ok {
			return nil
		}
		return n
	}
	v, ok := m.evaluate(src, expr, field)
	if !ok {
		return nil
	}
	return fromCty(v, src.nodeAt(expr.Range()))
}

func (m *module) object(src *source, e *hclsyntax.ObjectConsExpr, field string) *node {
	n := src.nodeAt(e.OpenRange)
	n.kind = kindMap
	ok := true
	for _, item := range e.Items {
		key := m.parts(src, item.KeyExpr, field)
		val := m.parts(src, item.ValueExpr, field)
		if key == nil || val == nil {
			ok = false
			continue
		}
		if key.kind == kindNull || key.kind == kindList || key.kind == kindMap || key.secret {
			m.fail(src, item.KeyExpr.Range(), field, "a key must be a string that is not sensitive", "Quote the key, or use another variable.")
			ok = false
			continue
		}
		name := newString(key.text(), key)
		if old := n.set(name, val); old != nil {
			m.fail(src, item.KeyExpr.Range(), field, "the key "+strconv.Quote(name.str)+" is given twice", "Remove one of them.")
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return n
}

// fromCty turns a value into nodes that all stand at one place.
func fromCty(v cty.Value, place *node) *node {
	n := *place
	if v.HasMark(sensitiveMark) {
		n.fromVar, n.secret = true, true
	}
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return &n
	}
	switch t := v.Type(); {
	case t == cty.Bool:
		n.kind, n.b = kindBool, v.True()
	case t == cty.String:
		n.kind, n.str = kindString, v.AsString()
	case t == cty.Number:
		setNumber(&n, v.AsBigFloat())
	case t.IsMapType() || t.IsObjectType():
		n.kind = kindMap
		for it := v.ElementIterator(); it.Next(); {
			key, val := it.Element()
			key, _ = key.Unmark()
			child := fromCty(val, place)
			inherit(child, &n)
			n.entries = append(n.entries, entry{newString(key.AsString(), place), child})
		}
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		n.kind = kindList
		for it := v.ElementIterator(); it.Next(); {
			_, val := it.Element()
			child := fromCty(val, place)
			inherit(child, &n)
			n.items = append(n.items, child)
		}
	}
	return &n
}

// inherit makes the parts of a sensitive value sensitive.
func inherit(child, parent *node) {
	if parent.secret {
		child.fromVar, child.secret = true, true
		for _, item := range child.items {
			inherit(item, child)
		}
		for _, e := range child.entries {
			inherit(e.val, child)
		}
	}
}

func setNumber(n *node, f *big.Float) {
	if hugeNumber(f) {
		n.kind = kindFloat
		n.f, _ = f.Float64()
		return
	}
	if i, accuracy := f.Int(nil); accuracy == big.Exact {
		n.kind, n.digit = kindInt, i.String()
		switch {
		case i.IsInt64():
			n.i = i.Int64()
		case i.Sign() < 0:
			n.i = math.MinInt64
		default:
			n.i = math.MaxInt64
		}
		return
	}
	n.kind = kindFloat
	n.f, _ = f.Float64()
}

// toCty is a variable's value of a YAML file for expressions.
func toCty(n *node) cty.Value {
	switch n.kind {
	case kindBool:
		return cty.BoolVal(n.b)
	case kindInt:
		if i, ok := new(big.Int).SetString(n.digit, 10); ok {
			return cty.NumberVal(new(big.Float).SetInt(i))
		}
		return cty.NumberIntVal(n.i)
	case kindFloat:
		if math.IsNaN(n.f) {
			return cty.StringVal("NaN")
		}
		return cty.NumberFloatVal(n.f)
	case kindString:
		return cty.StringVal(n.str)
	case kindList:
		items := make([]cty.Value, len(n.items))
		for i, item := range n.items {
			items[i] = toCty(item)
		}
		return cty.TupleVal(items)
	case kindMap:
		attrs := make(map[string]cty.Value, len(n.entries))
		for _, e := range n.entries {
			attrs[e.key.text()] = toCty(e.val)
		}
		return cty.ObjectVal(attrs)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

func sortBy[T any, K cmp.Ordered](list []T, key func(T) K) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
