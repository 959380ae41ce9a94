package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// FormatHCL answers a file of HCL (*.hcl, *.wadivars) in the canonical style of
// HashiCorp's tools: indentation, blanks, aligned equals signs. What the file
// says stays as it is. A file that does not parse is not touched: then the
// diagnostics have errors and the answer is nil. Path is for them.
func FormatHCL(path string, data []byte) ([]byte, Diagnostics) {
	var diags Diagnostics
	src := &source{path: path, data: data, lines: splitLines(data), diags: &diags}
	m := &module{}
	if len(data) > maxFileSize {
		src.add(SeverityError, nil, "the file is larger than 1 MB", "wadi reads no larger ones: split it.")
		return nil, diags
	}
	if deep := tooDeep(data, path); deep.HasErrors() {
		m.report(src, "", deep)
		return nil, diags
	}
	if _, faults := hclsyntax.ParseConfig(data, path, hcl.InitialPos); faults.HasErrors() {
		m.report(src, "", faults)
		return nil, diags
	}
	return hclwrite.Format(data), nil
}
