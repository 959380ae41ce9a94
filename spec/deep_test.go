package spec

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestDeepNesting feeds files that nest as deeply as 1 MiB allows: they are
// refused, and the parsers' stacks survive it.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	const n = 300_000
	for name, content := range map[string]string{
		"brackets.hcl":   "x = " + strings.Repeat("[", n),
		"parens.hcl":     "x = " + strings.Repeat("(", n),
		"not.hcl":        "x = " + strings.Repeat("!", n),
		"minus.hcl":      "x = " + strings.Repeat("-", n),
		"templates.hcl":  "x = " + strings.Repeat("\"${", n/3),
		"blocks.hcl":     strings.Repeat("a {\n", n/4),
		"conditions.hcl": "x = " + strings.Repeat("a?b:", n/4),
		"for.hcl":        "x = " + strings.Repeat("[for a in ", n/10),
		"objects.hcl":    "x = " + strings.Repeat("{a=", n/3),
		"unary.hcl":      "locals {\n x = " + strings.Repeat("!", maxTokens-20) + "true\n}",
		"sum.hcl":        "locals {\n x = " + strings.Repeat("1+", maxTokens/2-20) + "1\n}",
		"chain.hcl":      "locals {\n x = local.y" + strings.Repeat("[0]", maxTokens/3-20) + "\n}",
		"ternary.hcl":    "locals {\n x = " + strings.Repeat("true?1:", maxTokens/4-20) + "1\n}",
		"splat.hcl":      "locals {\n x = \"a\"" + strings.Repeat("[*]", maxTokens/3-20) + "\n}",
		"attrs.hcl":      "locals {\n x = \"a\"" + strings.Repeat(".a", maxTokens/2-20) + "\n}",
		"brackets.yml":   strings.Repeat("[", n),
		"braces.yml":     strings.Repeat("{a: ", n/4),
		"dashes.yml":     strings.Repeat("- ", n/2),
		"keys.yml":       manyKeys(n / 10),
		"longkey.yml":    strings.Repeat("k", n) + ":\n" + strings.Repeat("- 1\n", n/4),
		"texts.yml":      "x: &x " + strings.Repeat("x", n) + "\napplications:\n- name: a\n  buildpacks: [" + strings.Repeat("*x, ", n/10) + "]",
		"merges.yml":     mergeBomb(12),
		"large.yml":      "applications: []\n" + strings.Repeat("#", maxFileSize),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, bytes.TrimSpace([]byte(content)), 0o644); err != nil {
				t.Fatal(err)
			}
			_, diags := Load(context.Background(), Options{FS: OSFS(), Dir: filepath.Dir(path), Paths: []string{path}})
			// Long chains are fine as such, deep nesting is not.
			if strings.Contains(content, "locals") {
				return
			}
			if !diags.HasErrors() {
				t.Error("accepted")
			}
		})
	}
}

// TestVariablesThatGrow feeds variables that become more than any manifest may
// be, as values of their own and inside texts.
func TestVariablesThatGrow(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]string{"alone": "((x)), ", "inside": "a((x)), "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{
				"manifest.yml": &fstest.MapFile{Data: []byte("applications:\n- name: a\n  buildpacks: [" + strings.Repeat(use, 50_000) + "]\n")},
				"vars.yml":     &fstest.MapFile{Data: []byte("x: " + strings.Repeat("x", 500_000))},
			}
			_, diags := Load(context.Background(), Options{FS: memFS{files}, Dir: "/p", VarsFiles: []string{"vars.yml"}})
			if errs := diags.Errors(); len(errs) == 0 || errs[0].Summary != tooLarge || errs[0].Line != 3 {
				t.Errorf("%d errors: %.300s", len(errs), errs.Error())
			}
		})
	}
}

// TestLargestFile takes a file of just 1 MiB.
func TestLargestFile(t *testing.T) {
	t.Parallel()
	text := "applications: [{name: a}]\n#"
	files := fstest.MapFS{"manifest.yml": &fstest.MapFile{Data: []byte(text + strings.Repeat(".", maxFileSize-len(text)))}}
	if doc, diags := Load(context.Background(), Options{FS: memFS{files}, Dir: "/p"}); len(doc.Apps) != 1 || diags.HasErrors() {
		t.Error(diags)
	}
}

// mergeBomb merges empty maps 10^levels times: there is nothing to count but
// the merges.
func mergeBomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 {}\n")
	for i := range levels {
		alias := fmt.Sprintf("*a%d", i)
		fmt.Fprintf(&b, "a%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.Join(slices.Repeat([]string{alias}, 10), ", "))
	}
	b.WriteString("applications: [{name: a}]\n")
	return b.String()
}

// manyKeys is a map of n keys, which must not take n² steps.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}
