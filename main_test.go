package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which of our packages a layer may import: its own and these.
// Imports point one way, and the layers of Nomad and of staging do not know
// each other.
var allowed = map[string][]string{
	"spec":         {},
	"stage":        {"spec"},
	"nomad":        {"spec"},
	"reconcile":    {"nomad", "stage", "spec"},
	"internal/cli": {"reconcile", "nomad", "stage", "spec"},
	"internal/e2e": {"nomad"}, // the agent that its tests restart
	"":             {"internal/cli"},
}

// small know nothing of what wadi is about, and every layer but spec may import
// them.
var small = []string{"internal/procstat", "internal/remove", "internal/sleep"}

// testHelpers may be imported by any test, never by a program.
var testHelpers = []string{"internal/dockertest", "internal/golden", "internal/nomadtest", "internal/s3test", "internal/sourcetest", "internal/testneed", "internal/testport", "internal/testprogram", "internal/testwait"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		layer := layerOf(filepath.ToSlash(filepath.Dir(path)))
		if slices.Contains(testHelpers, layer) {
			return nil
		}
		for _, imp := range file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			ours, ok := strings.CutPrefix(name, "wadi/")
			if !ok {
				continue
			}
			to := layerOf(ours)
			if to == layer || slices.Contains(allowed[layer], to) || slices.Contains(small, to) && layer != "spec" ||
				strings.HasSuffix(path, "_test.go") && slices.Contains(testHelpers, to) {
				continue
			}
			t.Errorf("%s imports %s: %s may import only %v", path, name, layer, allowed[layer])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// layerOf is the layer of a package's folder.
func layerOf(dir string) string {
	for layer := range allowed {
		if layer != "" && (dir == layer || strings.HasPrefix(dir, layer+"/")) {
			return layer
		}
	}
	if dir == "." || dir == "examples" || strings.HasPrefix(dir, "examples/") {
		return ""
	}
	return dir
}

// TestTaskBinaryStaysSmall guards what runs inside every task: nothing of
// Nomad's client, of cloud storage or of the command line belongs there.
func TestTaskBinaryStaysSmall(t *testing.T) {
	t.Parallel()
	heavy := regexp.MustCompile(`"(github\.com/hashicorp|gocloud\.dev|github\.com/spf13|github\.com/zclconf)`)
	for _, dir := range []string{"stage/lifecycle", "stage/archive"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			if m := heavy.Find(src); m != nil {
				t.Errorf("%s imports %s, which makes every task bigger", path, m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeCommandIsCI keeps the README's test command the one that CI runs.
func TestReadmeCommandIsCI(t *testing.T) {
	t.Parallel()
	const command = "go test -timeout 30m ./..."
	for _, file := range []string{"README.md", ".ci/run"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), command) {
			t.Errorf("%s does not have the command %q", file, command)
		}
	}
}
