package spec

import (
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// FuzzTemplate: HCL reads what was written, with and without heredocs, also
// around an expression.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "a", "$", "$$", "%", "${x}", "$${x}", "$$${", "%{ if }", "%%{", "a\nb", "a\nb\n", "  a\nb\n\n", "\n\n", "\ta\n  b\n",
		"EOT\nEOT\n", "a\\nb\n\"c\"\n", "a\r\nb\r\n", "\x00\x7f\u0085\u2028", "é\n\u0301x\n", "a\n   \nb\n", "#!/bin/sh\nif [ \"$A\" ]; then\n  echo ${A}\nfi\n"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if !utf8.ValidString(before) || !utf8.ValidString(after) {
			return
		}
		pieces := []hclPiece{{expr: "var.x"}}
		if before != "" {
			pieces = append([]hclPiece{{text: before}}, pieces...)
		}
		if after != "" {
			pieces = append(pieces, hclPiece{text: after})
		}
		checkTemplate(t, []hclPiece{{text: before + after}}, before+after)
		checkTemplate(t, pieces, before+"<>"+after)
	})
}

func checkTemplate(t *testing.T, pieces []hclPiece, want string) {
	t.Helper()
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"x": cty.StringVal("<>")})},
		Functions: map[string]function.Function{"chomp": stdlib.ChompFunc},
	}
	for _, heredoc := range []bool{false, true} {
		text := hclTemplate(pieces, 1, heredoc)
		file := "app {\n  a = " + text + "\n  b = 1\n}\n"
		formatted, bad := FormatHCL("f", []byte(file))
		if bad.HasErrors() {
			t.Fatalf("%q became\n%s\n%v", want, file, bad)
		}
		parsed, diags := hclsyntax.ParseConfig(formatted, "f", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%q became\n%s\n%v", want, formatted, diags)
		}
		v, diags := parsed.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes["a"].Expr.Value(ctx)
		if diags.HasErrors() || v.AsString() != cty.NormalizeString(want) {
			t.Fatalf("%q became\n%s\nwhich is %#v %v", want, formatted, v, diags)
		}
	}
}
