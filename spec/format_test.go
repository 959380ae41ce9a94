package spec

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestFormatHCL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"\xef\xbb\xbfa=1\r\n":        "a = 1\r\n",
		"app \"a\" {\nb=1\nccc=2\n}": "app \"a\" {\n  b   = 1\n  ccc = 2\n}",
		"a=[\n1,\n2\n]\n":            "a = [\n  1,\n  2\n]\n",
	} {
		got, diags := FormatHCL("/p/wadi.hcl", []byte(in))
		if diags.HasErrors() {
			t.Errorf("%q: %v", in, diags)
		}
		if string(got) != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"a =", "a = \xff", strings.Repeat("[", 1000), strings.Repeat(" ", maxFileSize+1)} {
		got, diags := FormatHCL("/p/wadi.hcl", []byte(bad))
		if got != nil || !diags.HasErrors() || diags[0].File != "/p/wadi.hcl" || diags[0].Detail == "" {
			t.Errorf("%.20q: %q, %+v", bad, got, diags)
		}
	}
}

// FuzzFormat: formatting moves blanks and nothing else, and once is enough.
func FuzzFormat(f *testing.F) {
	seed(f, "testdata/golden/hcl-*.txtar")
	f.Add([]byte("a=1\r\nb = <<-EOT\n   x ${ y } \n EOT\n"))
	words := func(text []byte) []string {
		tokens, _ := hclsyntax.LexConfig(text, "f", hcl.InitialPos)
		var out []string
		for _, t := range tokens {
			out = append(out, t.Type.String()+string(t.Bytes))
		}
		return out
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, diags := FormatHCL("/p/wadi.hcl", data)
		if diags.HasErrors() {
			return
		}
		if diff := cmp.Diff(words(data), words(once)); diff != "" {
			t.Fatalf("%q became %q\n%s", data, once, diff)
		}
		twice, diags := FormatHCL("/p/wadi.hcl", once)
		if diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("formatted again, %q became %q: %v", once, twice, diags)
		}
	})
}
