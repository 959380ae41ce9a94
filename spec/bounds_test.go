package spec

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
)

// TestExpressionsAreBounded asks for more than any machine has; each must be
// refused by its size, wherever it stands.
func TestExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	chain := "l00 = \"" + strings.Repeat("x", 1000) + "\"\n"
	lists := "c00 = range(1000)\n"
	nested := "n00 = []\n"
	for i := range 40 {
		a, b := name(i), name(i+1)
		chain += "l" + b + " = \"${local.l" + a + "}${local.l" + a + "}\"\n"
		nested += "n" + b + " = [local.n" + a + ", local.n" + a + "]\n"
		lists += "c" + b + " = concat(local.c" + a + ", local.c" + a + ")\n"
	}
	for what, text := range map[string]string{
		"texts that double": "locals {\n" + chain + "}",
		"lists that double": "locals {\n" + lists + "}",
		"lists of lists":    "locals {\n" + nested + "}",
		"loops in loops":    "locals {\n r = range(1000)\n x = [for a in local.r : [for b in local.r : [for c in local.r : [for d in local.r : 1]]]]\n}",
		"loops of nothing":  "locals {\n r = range(1000)\n x = [for a in local.r : [for b in local.r : [for c in local.r : c if false]]]\n}",
		"loops in a map":    "locals {\n r = range(1000)\n x = [for a in local.r : { for b in local.r : b => [for c in local.r : c] }]\n}",
		"loops in try":      "locals {\n r = range(1000)\n x = try([for a in local.r : [for b in local.r : [for c in local.r : c]]], 1)\n}",
		"loops in text":     "locals {\n r = range(1000)\n x = \"%{ for a in local.r }%{ for b in local.r }%{ for c in local.r }${c}%{ endfor }%{ endfor }%{ endfor }\"\n}",
		"a product":         "locals {\n r = range(1000)\n x = setproduct(local.r, local.r, local.r, local.r)\n}",
		"an indentation":    "locals {\n x = indent(2000000000, \"a\\nb\")\n}",
		"replacements":      "locals {\n a = join(\"\", [for i in range(1000) : \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"])\n x = replace(local.a, \"a\", local.a)\n}",
		"a wide number":     "locals {\n x = format(\"%999999999d\", 1)\n}",
		"many digits":       "locals {\n x = format(\"%.999999999f\", 1)\n}",
		"a huge number":     "locals {\n x = 1e999999999\n}",
		"a huge product":    "locals {\n a = 1e1000\n x = \"x${local.a * local.a}\"\n}",
		"a huge JSON":       "locals {\n x = jsondecode(\"1e999999999\")\n}",
		"deep JSON":         "locals {\n x = jsondecode(join(\"\", [for i in range(1000) : \"[\"]))\n}",
		"a YAML bomb": "locals {\n x = yamldecode(\"a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\n" +
			"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\")\n}",
		"a default":     "variable \"x\" { default = [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]] }",
		"a version":     "wadi { required_version = [for a in [1,2] : 1e999999] }",
		"many apps":     "app \"a\" { for_each = toset([for p in setproduct(range(1000), range(1000)) : \"${p[0]}-${p[1]}\"]) }",
		"a distinction": "locals {\n x = distinct([for p in setproduct(range(1000), range(20)) : p[0]])\n}",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			refused(t, text)
		})
	}
}

func refused(t *testing.T, text string) {
	t.Helper()
	fsys := memFS{fstest.MapFS{"wadi.hcl": &fstest.MapFile{Data: []byte(text)}}}
	_, diags := Load(context.Background(), Options{FS: fsys, Dir: "/p"})
	if !diags.HasErrors() {
		t.Fatal("accepted")
	}
	for _, d := range diags {
		if len(d.Summary)+len(d.Detail) > 2000 || strings.Contains(d.Detail, "goroutine") {
			t.Errorf("%s: %.300s", d.Summary, d.Detail)
		}
		t.Log(d.Summary, d.Detail)
	}
}

func name(i int) string { return string(rune('0'+i/10)) + string(rune('0'+i%10)) }
