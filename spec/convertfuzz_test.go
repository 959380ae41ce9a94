package spec

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/tools/txtar"
)

// FuzzConvert: whatever a manifest says, HCL says the same, and the manifest
// that becomes of that.
func FuzzConvert(f *testing.F) {
	seed(f, "testdata/manifest/*.manifest.yml")
	seedConversions(f, "manifest-all", "manifest-variables", "manifest-shop")
	f.Fuzz(func(t *testing.T, data []byte) {
		var values []string
		for _, m := range variablePattern.FindAllSubmatch(data, 20) {
			name := string(m[1])
			if !hclsyntax.ValidIdentifier(name) { // it gets another name in HCL
				return
			}
			values = append(values, name+"=3")
		}
		w := newWorld(Options{Vars: values, Apps: nil})
		path := convertDir + "/manifest.yml"
		w.put(path, data)
		want, diags := w.load(path)
		got, errs := w.convert(path, "")
		if diags.HasErrors() || errs.HasErrors() {
			return // what may be refused is for the other tests
		}
		if !utf8.Valid(data) || cty.NormalizeString(string(data)) != string(data) {
			return // told by a warning
		}
		w.put(convertDir+"/wadi.hcl", got.Text)
		back, errs := w.load(convertDir + "/wadi.hcl")
		if errs.HasErrors() {
			t.Fatalf("became HCL that is refused: %s\n%s", errs.Error(), got.Text)
		}
		if diff := sameApps(want, back); diff != "" {
			t.Fatalf("HCL says something else (-manifest +HCL):\n%s\n%s", diff, got.Text)
		}
		checkStyle(t, got.Text)
		checkBack(t, w, want)
	})
}

// checkStyle: the result is as `wadi fmt` would have it.
func checkStyle(t *testing.T, hcl []byte) {
	t.Helper()
	formatted, diags := FormatHCL("f", hcl)
	if diags.HasErrors() || string(formatted) != string(hcl) {
		t.Errorf("not in the canonical style: %v\n%s", diags, cmp.Diff(string(hcl), string(formatted)))
	}
}

func seedConversions(f *testing.F, names ...string) {
	for _, name := range names {
		ar, err := txtar.ParseFile("testdata/convert/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data)
	}
}

// FuzzConvertHCL: what becomes a manifest without anything being left out
// says the same there.
func FuzzConvertHCL(f *testing.F) {
	seed(f, "testdata/golden/hcl-*.txtar")
	seedConversions(f, "hcl-all", "hcl-shop", "hcl-limits")
	f.Add([]byte("variable \"a\" {}\nlocals { b = \"${var.a}!\" }\napp \"x\" {\n env = { A = var.a, B = local.b, (var.a) = \"c\" }\n}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(Options{Env: func(name string) (string, bool) { return "x", strings.HasPrefix(name, "WADI_VAR_") }})
		source := convertDir + "/wadi.hcl"
		w.put(source, data)
		want, diags := w.load(source)
		got, errs := w.convert(source, "")
		if diags.HasErrors() || errs.HasErrors() {
			return
		}
		for _, d := range errs {
			if strings.HasSuffix(d.Summary, "is left out") {
				return
			}
		}
		checkBecame(t, w, got.Text, want)
	})
}

// TestConvertManyLocals: locals that each refer to the one before twice cost
// their number, not two to the power of it.
func TestConvertManyLocals(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("variable \"v\" {}\nlocals {\n  l0 = var.v\n")
	for i := 1; i <= 40; i++ {
		fmt.Fprintf(&b, "  l%d = substr(\"${local.l%d}${local.l%d}\", 0, 3)\n", i, i-1, i-1)
	}
	b.WriteString("}\napp \"a\" {\n  env = { A = local.l40, B = \"${var.v}${local.l40}\" }\n}\n")
	w := newWorld(Options{Vars: []string{"v=abc"}})
	w.put(convertDir+"/wadi.hcl", []byte(b.String()))
	got, diags := w.convert(convertDir+"/wadi.hcl", "")
	if diags.HasErrors() || !strings.Contains(string(got.Text), "((v))") {
		t.Errorf("%s\n%s", diags.Error(), got.Text)
	}
}
