package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is a declared variable.
type variable struct {
	hclBlock
	name, field string

	typ                 cty.Type
	optional            *typeexpr.Defaults // of attributes of objects
	fallback            cty.Value          // NilVal = none
	sensitive, nullable bool
	validations         []*hclsyntax.Block

	value  cty.Value
	origin string // where the value was given; "" = its default
}

// readVariables gives `var` its values. Those that have none are failed, and
// what refers to them is passed over.
func (m *module) readVariables() {
	values := map[string]cty.Value{}
	if m.l.declared == nil {
		m.l.declared = []string{}
	}
	for _, b := range m.blocks["variable"] {
		v := &variable{hclBlock: b, name: b.Labels[0], field: "variable." + b.Labels[0],
			typ: cty.DynamicPseudoType, fallback: cty.NilVal, nullable: true, value: cty.DynamicVal}
		if values[v.name] != cty.NilVal {
			continue // declared twice, and told
		}
		m.l.declared = append(m.l.declared, v.name)
		m.names["var"] = append(m.names["var"], v.name)
		m.variables = append(m.variables, v)
		if !hclsyntax.ValidIdentifier(v.name) {
			m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("%q is no name for a variable", v.name),
				"A name has letters, digits, - and _, and begins with a letter: it is used as var.name.")
			m.failed["var."+v.name] = true
		} else if !m.declare(v) || !m.giveValue(v) {
			m.failed["var."+v.name] = true
		}
		if v.sensitive {
			v.value = v.value.Mark(sensitiveMark)
		}
		values[v.name] = v.value
	}
	m.scope.Variables["var"] = cty.ObjectVal(values)
}

// declare reads what a variable's block says; false after an error.
func (m *module) declare(v *variable) bool {
	ok := true
	for _, attr := range attributes(v.Body) {
		var diags hcl.Diagnostics
		field := v.field + "." + attr.Name
		switch attr.Name {
		case "type":
			v.typ, v.optional, diags = typeexpr.TypeConstraintWithDefaults(attr.Expr)
		case "default":
			v.fallback, diags = m.budget.constant(attr.Expr, m.scope.Functions)
		case "sensitive":
			v.sensitive, diags = m.constantBool(v.src, attr, field)
		case "nullable":
			v.nullable, diags = m.constantBool(v.src, attr, field)
		case "description":
			_, diags = m.budget.constant(attr.Expr, nil)
		default:
			m.unknownAttribute(v.src, attr, v.field, "a variable", append(hclBlocks(variableTable), hclAttributes(variableTable)...))
		}
		for _, d := range diags {
			if attr.Name != "type" && len(attr.Expr.Variables()) > 0 {
				d.Detail = "What declares a variable may not refer to anything; give a value made of others in locals."
			}
		}
		m.report(v.src, field, diags)
		ok = ok && !diags.HasErrors()
	}
	for _, inner := range v.Body.Blocks {
		if inner.Type != "validation" {
			m.unknownBlock(v.src, inner, v.field, "a variable", append(hclBlocks(variableTable), hclAttributes(variableTable)...))
		} else if m.labelled(v.src, inner, 0) {
			v.validations = append(v.validations, inner)
		}
	}
	return ok && m.checkDefault(v)
}

func (m *module) constantBool(src *source, attr *hclsyntax.Attribute, field string) (bool, hcl.Diagnostics) {
	value, diags := m.budget.constant(attr.Expr, nil)
	if diags.HasErrors() {
		return false, diags
	}
	if value.IsNull() || value.Type() != cty.Bool {
		return false, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: attr.Name + " must be a boolean", Detail: "Write true or false.", Subject: attr.Expr.Range().Ptr()}}
	}
	return value.True(), nil
}

// checkDefault holds the default to the type, also where it is not used.
func (m *module) checkDefault(v *variable) bool {
	if v.fallback == cty.NilVal {
		return true
	}
	at := v.Body.Attributes["default"].Expr.Range()
	if v.fallback.IsNull() && !v.nullable {
		m.fail(v.src, at, v.field+".default", fmt.Sprintf("the default of variable %q is null, which nullable = false rules out", v.name), "Give another default, or none.")
		return false
	}
	value, err := v.convert(v.fallback)
	if err != nil {
		m.fail(v.src, at, v.field+".default", fmt.Sprintf("the default of variable %q is not %s: %s", v.name, typeName(v.typ), err), "Correct the default or the type.")
		return false
	}
	v.fallback = value
	return true
}

// convert makes a value one of the variable's type.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.optional != nil && !value.IsNull() {
		value = v.optional.Apply(value)
	}
	return convert.Convert(value, v.typ)
}

func typeName(t cty.Type) string { return t.FriendlyNameForConstraint() }

// giveValue chooses and converts the value; its text never stands in an
// error, for it may be a secret.
func (m *module) giveValue(v *variable) bool {
	g, isGiven := m.l.vars.find(v.name)
	value := v.fallback
	switch {
	case isGiven && g.isText:
		var ok bool
		if value, ok = parseText(g.text, v.typ); !ok {
			m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("the value given for variable %q (%s) is not %s", v.name, g.origin, typeName(v.typ)),
				"Write the value as in HCL: --var 'name=[\"a\", \"b\"]'.")
			return false
		}
	case isGiven:
		value = toCty(g.node)
	case value == cty.NilVal && m.l.convert != nil:
		return true // a conversion needs no values
	case value == cty.NilVal:
		m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("Expected to find variables: %s", v.name),
			fmt.Sprintf("Give it with --var %s=…, in a file with --vars-file, as WADI_VAR_%s, or a default.", v.name, v.name))
		return false
	}
	v.origin = g.origin
	if _, err := valueSize(value, maxWork); err != nil {
		m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("the value of variable %q (%s): %s", v.name, v.origin, err), "Give a smaller one.")
		return false
	}
	if value.IsNull() && !v.nullable {
		if v.fallback == cty.NilVal {
			m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("the value given for variable %q (%s) is null, which nullable = false rules out", v.name, v.origin), "Give a value.")
			return false
		}
		value, v.origin = v.fallback, ""
	}
	out, err := v.convert(value)
	if err != nil {
		m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("the value of variable %q (%s) is not %s: %s", v.name, v.origin, typeName(v.typ), err), "Correct the value or the type.")
		return false
	}
	if _, err := valueSize(out, maxWork); err != nil {
		m.fail(v.src, v.DefRange(), v.field, fmt.Sprintf("the value of variable %q (%s): %s", v.name, v.origin, err), "Give a smaller number.")
		return false
	}
	v.value = out
	return true
}

// parseText reads a value of the command line or the environment: text where
// text is wanted (or nothing is said), else an HCL expression.
func parseText(text string, typ cty.Type) (cty.Value, bool) {
	if typ == cty.String || typ == cty.DynamicPseudoType {
		return cty.StringVal(text), true
	}
	if tooDeep([]byte(text), "value").HasErrors() {
		return cty.NilVal, false
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), "value", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	b := &budget{left: maxWork}
	if b.bound(expr).HasErrors() {
		return cty.NilVal, false
	}
	v, diags := b.constant(expr, nil)
	return v, !diags.HasErrors()
}

// validateVariables asks the conditions of the variables, once all values
// are known. What they refuse is failed.
func (m *module) validateVariables() {
	for _, v := range m.variables {
		if m.failed["var."+v.name] {
			continue
		}
		fine := true
		for _, b := range v.validations {
			fine = m.validation(v, b) && fine
		}
		if !fine {
			m.failed["var."+v.name] = true
		}
	}
}

func (m *module) validation(v *variable, b *hclsyntax.Block) bool {
	field := v.field + ".validation"
	m.onlyAttributes(v.src, b, field, "a validation", hclAttributes(validationTable))
	condition, message := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
	if condition == nil || message == nil {
		m.fail(v.src, b.DefRange(), field, "a validation needs a condition and an error_message", `Write condition = length(var.`+v.name+`) > 0 and error_message = "must not be empty".`)
		return false
	}
	result, ok := m.evaluate(v.src, condition.Expr, field+".condition")
	if !ok {
		return false
	}
	if result, _ = result.Unmark(); !result.IsKnown() {
		return true // of a conversion
	}
	result, err := convert.Convert(result, cty.Bool)
	if err != nil || result.IsNull() || !result.IsKnown() {
		m.fail(v.src, condition.Expr.Range(), field+".condition", "a condition must be true or false", "Compare the value with something: var."+v.name+` != "".`)
		return false
	}
	if result.True() {
		return true
	}
	from := "Its default does not meet the condition."
	if v.origin != "" {
		from = "The value given (" + v.origin + ") does not meet the condition."
	}
	m.fail(v.src, condition.Expr.Range(), v.field, fmt.Sprintf("variable %q: %s", v.name, m.errorMessage(v, message, field)), from)
	return false
}

func (m *module) errorMessage(v *variable, attr *hclsyntax.Attribute, field string) string {
	text, ok := m.evaluate(v.src, attr.Expr, field+".error_message")
	hidden := text.ContainsMarked()
	text, _ = text.UnmarkDeep()
	switch {
	case !ok || text.Type() != cty.String || text.IsNull() || !text.IsKnown():
		return "the value is not allowed"
	case hidden:
		return "the value is not allowed (the message would show a sensitive value)"
	}
	return text.AsString()
}
