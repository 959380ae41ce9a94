package stage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"wadi/spec"
)

// TestFollow holds what is followed to what Scan takes.
func TestFollow(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".cfignore": "*.log\nnode_modules/\n", "manifest.yml": "x", "vars.yml": "x", "index.html": "x", "out.log": "x",
		"src/a": "x", "src/a.log": "x", "node_modules/m/b": "x", ".git/HEAD": "x",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	exclude := []string{filepath.Join(root, "vars.yml")}
	for name, c := range map[string]struct {
		o      ScanOptions
		rules  string
		closed []string // folders
	}{
		"app":       {ScanOptions{Ignore: true, Exclude: exclude}, filepath.Join(root, ".cfignore"), []string{".git", "node_modules"}},
		"buildpack": {ScanOptions{}, "", []string{".git"}},
	} {
		f, err := Follow(root, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if f.Root != root || f.Rules != c.rules {
			t.Errorf("%s: root %s, rules %q", name, f.Root, f.Rules)
		}
		tree, err := Scan(t.Context(), root, c.o)
		if err != nil {
			t.Fatal(err)
		}
		var taken, kept []string
		for _, e := range tree.Entries {
			taken = append(taken, e.Path)
		}
		var closed []string
		err = fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == "." {
				return err
			}
			include, enter := f.Keep(path, d.Type())
			if include {
				kept = append(kept, path)
			}
			if d.IsDir() && !enter {
				closed = append(closed, path)
				return fs.SkipDir
			}
			return nil
		})
		slices.Sort(kept)
		if err != nil || !slices.Equal(kept, taken) || !slices.Equal(closed, c.closed) {
			t.Errorf("%s: followed %q, scanned %q, not entered %q (%v)", name, kept, taken, closed, err)
		}
	}
	f, err := Follow(filepath.Join(root, "index.html"), ScanOptions{Ignore: true})
	if err != nil || f.Keep != nil || f.Root != filepath.Join(root, "index.html") {
		t.Errorf("a file: %+v, %v", f, err)
	}
	if _, err := Follow(filepath.Join(root, "gone"), ScanOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(root, ".cfignore")), os.Mkdir(filepath.Join(root, ".cfignore"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if f, err := Follow(root, ScanOptions{Ignore: true}); err == nil || f.Rules == "" {
		t.Errorf("rules that are a folder: %+v, %v", f, err)
	}
}

func TestBuildpackFolders(t *testing.T) {
	t.Parallel()
	declared := map[string]spec.Buildpack{
		"mine": {Source: "./packs/mine"}, "elsewhere": {Source: "https://example.org/x.zip"}, "abs": {Source: "/packs/abs"},
	}
	got := BuildpackFolders([]string{"./here", "go", "mine_buildpack", "elsewhere", "abs", "https://example.org/y.git", "../up"}, declared, "/p/q")
	want := []string{"/p/q/here", "/p/q/packs/mine", "/packs/abs", "/p/up"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got, want := BuildpackFolders(nil, declared, "/p/q"), []string{"/packs/abs", "/p/q/packs/mine"}; !slices.Equal(got, want) {
		t.Errorf("detection: %q\nwant %q", got, want)
	}
}
