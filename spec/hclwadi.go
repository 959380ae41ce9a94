package spec

import (
	"fmt"

	"github.com/hashicorp/go-version"
	"github.com/zclconf/go-cty/cty"
	gomod "golang.org/x/mod/module"
)

// checkVersion reads `wadi { required_version }` before all else; false if
// this wadi is not what the files ask for.
func (m *module) checkVersion() bool {
	ok := true
	for _, f := range m.files {
		for _, b := range f.body.Blocks {
			if b.Type == "wadi" {
				ok = m.requiredVersion(hclBlock{f.src, b}) && ok
			}
		}
	}
	return ok
}

func (m *module) requiredVersion(b hclBlock) bool {
	const field = "wadi.required_version"
	m.onlyAttributes(b.src, b.Block, "wadi", "wadi", hclAttributes(wadiTable))
	attr := b.Body.Attributes["required_version"]
	if attr == nil {
		return true
	}
	v, diags := m.budget.constant(attr.Expr, nil)
	m.report(b.src, field, diags)
	if diags.HasErrors() {
		return false
	}
	const example = `Write required_version = ">= 1.2", "~> 1.2", or several with commas.`
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		m.fail(b.src, attr.Expr.Range(), field, "required_version must be a string", example)
		return false
	}
	wanted, err := version.NewConstraint(v.AsString())
	if err != nil {
		m.fail(b.src, attr.Expr.Range(), field, fmt.Sprintf("%q is no version constraint", v.AsString()), example)
		return false
	}
	have, err := version.NewVersion(m.l.options.Version)
	if err != nil || gomod.IsPseudoVersion(m.l.options.Version) || wanted.Check(have.Core()) {
		return true // a build without a version is up to whoever built it
	}
	m.fail(b.src, attr.Expr.Range(), field, fmt.Sprintf("these files need wadi %s, this is %s", wanted, have), "Install a wadi of such a version, or change required_version.")
	return false
}
