package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// instance is one app of an app block: the only one, or one for every
// element of for_each.
type instance struct {
	block hclBlock
	label string // its name, unless the attribute says otherwise
	field string
	each  cty.Value // of for_each; NilVal = there is none
	key   string
}

// instances are the apps that a block describes.
func (m *module) instances(b hclBlock) ([]instance, bool) {
	label := b.Labels[0]
	attr := b.Body.Attributes["for_each"]
	if attr == nil {
		return []instance{{block: b, label: label, field: "app." + label}}, true
	}
	field := "app." + label + ".for_each"
	refuse := func(summary, detail string) ([]instance, bool) {
		m.fail(b.src, attr.Expr.Range(), field, summary, detail)
		return nil, false
	}
	v, ok := m.evaluate(b.src, attr.Expr, field)
	if !ok {
		return nil, false
	}
	const example = `Write for_each = toset(["a", "b"]), or a map: for_each = { a = 1, b = 2 }.`
	t := v.Type()
	switch {
	case !v.IsKnown():
		return refuse("for_each is not known", "Give its variables with --var or --vars-file.")
	case v.IsMarked():
		return refuse("for_each may not come from a sensitive variable", "Its keys are part of the names of apps, which show everywhere.")
	case v.IsNull():
		return refuse("for_each is null", example)
	case t.IsListType() || t.IsTupleType():
		return refuse("for_each must be a map, an object or a set of strings, here is a list", "The order of a list would decide which app is which: write toset([…]).")
	case !t.IsMapType() && !t.IsObjectType() && !t.IsSetType():
		return refuse("for_each must be a map, an object or a set of strings, here is "+t.FriendlyName(), example)
	case t.IsSetType() && v.LengthInt() > 0 && t.ElementType() != cty.String:
		return refuse("for_each must be a set of strings, here is "+t.FriendlyName(), `Convert it: toset([for x in … : tostring(x)]).`)
	}
	var out []instance
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if key.IsNull() || key.AsString() == "" {
			return refuse("for_each has a key that is empty", "Every key is part of an app's name: give it one.")
		}
		out = append(out, instance{block: b, label: label + "-" + key.AsString(), field: "app." + label + "[" + strconv.Quote(key.AsString()) + "]",
			each: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}), key: key.AsString()})
	}
	return out, true
}

// within evaluates what do does with `each` of the instance.
func (m *module) within(i instance, do func()) {
	if i.each == cty.NilVal {
		do()
		return
	}
	outer := m.scope
	m.scope = outer.NewChild()
	m.scope.Variables = map[string]cty.Value{"each": i.each}
	do()
	m.scope = outer
}

// appUnit is what others may know of an app: its name and routes. With
// for_each it is an object of that by key.
func (m *module) appUnit(b hclBlock) *unit {
	u := &unit{root: "app", name: b.Labels[0], src: b.src, at: b.DefRange()}
	for _, name := range []string{"for_each", "name", "routes"} {
		if attr := b.Body.Attributes[name]; attr != nil {
			u.exprs = append(u.exprs, attr.Expr)
		}
	}
	u.value = func() (cty.Value, bool) {
		instances, ok := m.instances(b)
		if !ok {
			return cty.DynamicVal, false
		}
		values := map[string]cty.Value{}
		for _, i := range instances {
			m.within(i, func() {
				v, fine := m.appObject(i)
				if ok = ok && fine; i.each == cty.NilVal {
					values[""] = v
				} else {
					values[i.key] = v
				}
			})
		}
		if b.Body.Attributes["for_each"] == nil {
			return values[""], ok
		}
		return cty.ObjectVal(values), ok
	}
	return u
}

func (m *module) appObject(i instance) (cty.Value, bool) {
	name, routes := cty.StringVal(i.label), cty.ListValEmpty(cty.String)
	body, ok := i.block.Body, true
	if attr := body.Attributes["name"]; attr != nil {
		v, fine := m.evaluate(i.block.src, attr.Expr, i.field+".name")
		if text, err := convert.Convert(v, cty.String); fine && err == nil && !text.IsNull() {
			name = text
		}
		ok = fine
	}
	if attr := body.Attributes["routes"]; attr != nil {
		v, fine := m.evaluate(i.block.src, attr.Expr, i.field+".routes")
		if fine {
			routes = routeTexts(v)
		}
		ok = ok && fine
	}
	return cty.ObjectVal(map[string]cty.Value{"name": name, "routes": routes}), ok
}

// routeTexts are the routes that a value holds, whatever form each has. What
// is wrong with the others is told where the app is read.
func routeTexts(v cty.Value) cty.Value {
	v, marks := v.Unmark()
	texts := []cty.Value{}
	if !v.IsNull() && v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			_, item := it.Element()
			if t := item.Type(); t.IsObjectType() && t.HasAttribute("route") && !item.IsNull() {
				item = item.GetAttr("route")
			}
			if item.Type() == cty.String {
				texts = append(texts, item)
			}
		}
	}
	if len(texts) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(texts).WithMarks(marks)
}

// onlyOnce drops what is said of an instance's app word for word as of an
// earlier one: it is the same line of the file.
func (m *module) onlyOnce(before int, seen map[string]bool) {
	kept := m.l.diags[:before]
	for _, d := range m.l.diags[before:] {
		_, summary, named := strings.Cut(d.Summary, "': ")
		if !named {
			summary = d.Summary
		}
		key := fmt.Sprintf("%s:%d:%d:%s", d.File, d.Line, d.Column, summary)
		if !seen[key] {
			kept = append(kept, d)
		}
		seen[key] = true
	}
	m.l.diags = kept
}

// objectKeys are what a reference to a block gives beside its name.
var objectKeys = map[string][]string{
	"services":   {"credentials", "label", "plan", "tags"},
	"buildpacks": {"sha256", "source"},
	"stack":      {"driver", "image", "node_pool", "datacenters", "priority"},
}

// byReference makes of `stack.host`, `[service_instance.db]` and the like
// what the attribute wants: the name.
func byReference(attr *hclsyntax.Attribute, n *node) {
	keys, any := objectKeys[attr.Name]
	if !any {
		return
	}
	if attr.Name == "stack" {
		toName(n, keys)
		return
	}
	for _, item := range n.items {
		toName(item, keys)
	}
}

func toName(n *node, keys []string) {
	if n.kind != kindMap || n.get("name") == nil {
		return
	}
	for _, key := range keys {
		if n.get(key) == nil {
			return
		}
	}
	var rest []entry
	for _, e := range n.entries {
		if !slices.Contains(keys, e.key.text()) {
			rest = append(rest, e)
		}
	}
	n.entries, n.index = rest, nil
	if len(rest) == 1 {
		name := rest[0].val
		n.kind, n.str, n.entries = kindString, name.str, nil
	}
}
