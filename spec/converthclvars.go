package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hclVariables are the variables that a manifest uses, as HCL declares them.
type hclVariables struct {
	names map[string]*hclVariable // by their names in the manifest
	order []*hclVariable
}

type hclVariable struct {
	name, was string
	types     []string // that its places want, but "string", which all can be
	secret    bool     // it stands only where values are hidden
}

var notIdentifier = regexp.MustCompile(`[^\pL\pN_-]+`)

// use answers a reference to ((name)), "a.b.0" being a part of a, and notes
// what its place wants. Secret places show their value to the app alone.
func (v *hclVariables) use(name, typ string, secret bool) string {
	parts := strings.Split(name, ".")
	root := parts[0]
	one := v.names[root]
	if one == nil {
		one = &hclVariable{name: v.identifier(root), was: root, secret: true}
		v.names[root] = one
		v.order = append(v.order, one)
	}
	if len(parts) > 1 {
		typ = "any"
	}
	if typ != "string" && !slices.Contains(one.types, typ) {
		one.types = append(one.types, typ)
	}
	one.secret = one.secret && secret
	expr := "var." + one.name
	for _, part := range parts[1:] {
		switch index, err := strconv.Atoi(part); {
		case err == nil && index < 0:
			expr = fmt.Sprintf("%s[length(%s) - %d]", expr, expr, -index)
		case err == nil:
			expr += "[" + part + "]"
		case hclsyntax.ValidIdentifier(part):
			expr += "." + part
		default:
			expr += "[" + hclQuoted(part) + "]"
		}
	}
	return expr
}

// identifier is a name that HCL takes and no other variable has.
func (v *hclVariables) identifier(name string) string {
	id := name
	if !hclsyntax.ValidIdentifier(id) {
		id = strings.Trim(notIdentifier.ReplaceAllString(name, "_"), "_")
	}
	if !hclsyntax.ValidIdentifier(id) {
		id = "v_" + id
	}
	if !hclsyntax.ValidIdentifier(id) {
		id = "v"
	}
	taken := func(id string) bool {
		return slices.ContainsFunc(v.order, func(o *hclVariable) bool { return o.name == id })
	}
	for i, base := 2, id; taken(id); i++ {
		id = fmt.Sprintf("%s_%d", base, i)
	}
	return id
}

// write declares the variables.
func (v *hclVariables) write(c *converter, src *source, b *strings.Builder) {
	for _, one := range v.order {
		if one.name != one.was {
			c.leave(src, nil, fmt.Sprintf("variable %q is called %q in HCL", one.was, one.name), "Names have letters, digits, - and _ there. Rename it in variable files and flags, too.")
		}
		fmt.Fprintf(b, "variable %q {\ntype = %s\n", one.name, one.typ())
		if one.secret {
			b.WriteString("sensitive = true\n")
		}
		b.WriteString("}\n\n")
	}
}

// typ is the type that all its places take.
func (o *hclVariable) typ() string {
	switch len(o.types) {
	case 0:
		return "string"
	case 1:
		return o.types[0]
	}
	return "any"
}
