package spec

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// manyKeys is a map of n keys, which must not take n² steps.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}
