package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// readVariables gives `var` its values: --var over variable files over
// WADI_VAR_name over the default. False after an error.
func (m *module) readVariables() bool {
	values, ok := map[string]cty.Value{}, true
	if m.l.declared == nil {
		m.l.declared = []string{}
	}
	for _, b := range m.blocks["variable"] {
		m.l.declared = append(m.l.declared, b.Labels[0])
		v, fine := m.variable(b)
		ok = ok && fine
		values[b.Labels[0]] = v
	}
	m.scope.Variables["var"] = cty.ObjectVal(values)
	return ok
}

func (m *module) variable(b hclBlock) (cty.Value, bool) {
	name := b.Labels[0]
	field := "variable." + name
	m.onlyAttributes(b.src, b.Block, field, "a variable", hclAttributes(variableTable))
	typ, fallback, sensitive, ok := cty.DynamicPseudoType, cty.NilVal, false, true
	for _, attr := range attributes(b.Body) {
		var diags hcl.Diagnostics
		var v cty.Value
		switch attr.Name {
		case "type":
			typ, diags = typeexpr.TypeConstraint(attr.Expr)
		case "default":
			fallback, diags = attr.Expr.Value(&hcl.EvalContext{Functions: m.scope.Functions})
		case "sensitive":
			if v, diags = attr.Expr.Value(nil); !diags.HasErrors() {
				if v.Type() != cty.Bool || v.IsNull() {
					m.fail(b.src, attr.Expr.Range(), field+".sensitive", "sensitive must be a boolean", "Write true or false.")
					ok = false
				} else {
					sensitive = v.True()
				}
			}
		}
		m.report(b.src, field+"."+attr.Name, diags)
		ok = ok && !diags.HasErrors()
	}
	if !ok {
		return cty.DynamicVal, false
	}
	v, ok := m.variableValue(b, typ, fallback)
	if sensitive {
		v = v.Mark(sensitiveMark)
	}
	return v, ok
}

// variableValue chooses and converts the value; its text never stands in an
// error, for it may be a secret.
func (m *module) variableValue(b hclBlock, typ cty.Type, fallback cty.Value) (cty.Value, bool) {
	name := b.Labels[0]
	field := "variable." + name
	v := fallback
	if text, ok := m.l.vars.rawText(name); ok {
		if v, ok = parseText(text, typ); !ok {
			m.fail(b.src, b.DefRange(), field, fmt.Sprintf("the value given for variable %q is not %s", name, typ.FriendlyName()),
				"Write the value as in HCL: --var 'name=[\"a\", \"b\"]'.")
			return cty.DynamicVal, false
		}
	} else if n := m.l.vars.lookup(name); n != nil {
		v = toCty(n)
	}
	if v == cty.NilVal {
		m.fail(b.src, b.DefRange(), field, fmt.Sprintf("Expected to find variables: %s", name),
			fmt.Sprintf("Give it with --var %s=…, in a file with --vars-file, as WADI_VAR_%s, or a default.", name, name))
		return cty.DynamicVal, false
	}
	out, err := convert.Convert(v, typ)
	if err != nil {
		m.fail(b.src, b.DefRange(), field, fmt.Sprintf("the value of variable %q is not %s: %s", name, typ.FriendlyName(), err), "Correct the value or the type.")
		return cty.DynamicVal, false
	}
	return out, true
}

// parseText reads a value of the command line or the environment: text where
// text is wanted (or nothing is said), else an HCL expression.
func parseText(text string, typ cty.Type) (cty.Value, bool) {
	if typ == cty.String || typ == cty.DynamicPseudoType {
		return cty.StringVal(text), true
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), "value", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	v, diags := expr.Value(nil)
	return v, !diags.HasErrors()
}

// readLocals gives `local` its values, each after those it refers to.
func (m *module) readLocals() bool {
	type local struct {
		src  *source
		attr *hclsyntax.Attribute
	}
	todo, order := map[string]local{}, []string{}
	ok := true
	for _, b := range m.blocks["locals"] {
		for _, inner := range b.Body.Blocks {
			m.unknownBlock(b.src, inner, "locals", "locals", nil)
		}
		for _, attr := range attributes(b.Body) {
			if first, twice := todo[attr.Name]; twice {
				m.fail(b.src, attr.NameRange, "local."+attr.Name, fmt.Sprintf("local %q is declared twice", attr.Name),
					"It is also declared at "+m.at(first.attr.NameRange)+"; remove one.")
				ok = false
				continue
			}
			todo[attr.Name] = local{b.src, attr}
			order = append(order, attr.Name)
		}
	}
	values := map[string]cty.Value{}
	m.scope.Variables["local"] = cty.EmptyObjectVal
	for progress := true; progress; {
		progress = false
		for _, name := range order {
			loc, waiting := todo[name]
			if !waiting {
				continue
			}
			ready := true
			for _, other := range localNames(loc.attr.Expr) {
				_, pending := todo[other]
				ready = ready && !pending
			}
			if !ready {
				continue
			}
			v, fine := m.evaluate(loc.src, loc.attr.Expr, "local."+name)
			ok = ok && fine
			delete(todo, name)
			values[name] = v
			m.scope.Variables["local"] = cty.ObjectVal(values)
			progress = true
		}
	}
	for _, name := range order {
		if loc, left := todo[name]; left {
			m.fail(loc.src, loc.attr.NameRange, "local."+name, fmt.Sprintf("local %q refers to itself", name), "Break the circle of references.")
			ok = false
		}
	}
	return ok
}
