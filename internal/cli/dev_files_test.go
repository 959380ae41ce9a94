package cli

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"wadi/internal/cli/watch"
	"wadi/internal/testwait"
	"wadi/reconcile"
	"wadi/spec"
)

// TestDevWatches: whatever was asked for to read the files is watched, there
// or not, and the sources that they name; nothing else is.
func TestDevWatches(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := devFolder{t, dir}
	f.save("wadi.hcl", `
variable "who" { type = string }
buildpack "mine" { source = "./packs/mine" }
app "site" {
  path       = "site"
  buildpacks = ["mine"]
  env        = { WHO = var.who, TEXT = file("text.txt") }
}
app "jar" {
  path = "app.jar"
}
`)
	f.save("text.txt", "x")
	f.save("vars.yml", "who: me\n")
	f.save("site/index.html", "x")
	f.save("site/.cfignore", "*.log\n")
	f.save("packs/mine/bin/detect", "x")
	f.save("app.jar", zipOf(t, "x"))
	d := &dev{watcher: watch.New(watch.Options{Quiet: 20 * time.Millisecond}), streams: Streams{Err: new(bytes.Buffer)}}
	t.Cleanup(d.watcher.Close)
	d.load = func() (settings, error) {
		return settings{Dir: dir, Project: dir, VarsFiles: []string{"vars.yml"}}, nil
	}
	changed := func(name string) {
		t.Helper()
		for timeout := time.After(testwait.Patience); ; {
			select {
			case c := <-d.watcher.Changes():
				if i := slices.IndexFunc(c.Paths, func(p string) bool { return filepath.Ext(p) == ".log" }); i >= 0 {
					t.Errorf("%s is told", c.Paths[i])
				}
				if slices.Contains(c.Paths, filepath.Join(dir, name)) {
					return
				}
			case <-timeout:
				t.Fatalf("%s changed, and nothing is told", name)
			}
		}
	}
	_, doc, err := d.read(t.Context())
	if err != nil || len(doc.Apps) != 2 {
		t.Fatal(doc, err)
	}
	f.save("debug.log", "no part of anything")
	f.save("site/debug.log", "ignored")
	for _, name := range []string{"wadi.hcl", "text.txt", "vars.yml", ".wadi.yaml", "site/index.html", "site/new/file", "packs/mine/bin/detect", "app.jar", "other.wadi.hcl", "manifest.yml"} {
		f.save(name, "something else")
		if name == "site/new/file" {
			name = "site/new" // the folder came
		}
		changed(name)
	}
	// the files are broken now, and the sources are watched still
	var diags spec.Diagnostics
	if _, _, err := d.read(t.Context()); !errors.As(err, &diags) {
		t.Fatalf("broken files: %v", err)
	}
	f.save("packs/mine/bin/supply", "x")
	changed("packs/mine/bin/supply")
	f.save("site/.cfignore", "*.log\nsecret\n")
	changed("site/.cfignore")
}

func zipOf(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"a", "b"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWithoutCache: a cache inside of a source is not watched.
func TestWithoutCache(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WADI_CACHE_DIR", filepath.Join(dir, ".cache"))
	keep := withoutCache(dir, func(string, os.FileMode) (include, enter bool) { return true, true })
	for path, want := range map[string]bool{".cache": false, ".cache/x": false, ".cached": true, "x": true, "x/.cache": true} {
		if include, enter := keep(path, 0); include != want || enter != want {
			t.Errorf("%s: %v, %v", path, include, enter)
		}
	}
}

func TestChangeText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change watch.Change
		want   string
	}{
		{watch.Change{}, "Files changed"},
		{watch.Change{Paths: []string{"/p/a"}}, "a changed"},
		{watch.Change{Paths: []string{"/p/x/a", "/else/b"}}, "x/a, /else/b changed"},
		{watch.Change{Paths: []string{"/p/1", "/p/2", "/p/3", "/p/4"}}, "1, 2, 3 and 1 other changed"},
		{watch.Change{Paths: []string{"/p/1", "/p/2", "/p/3", "/p/4"}, More: 8}, "1, 2, 3 and 9 others changed"},
	} {
		if got := changeText(c.change, "/p"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPhasesText(t *testing.T) {
	t.Parallel()
	phases := []reconcile.PhaseTime{{Phase: reconcile.PhaseUpload, Seconds: 0.01}, {Phase: reconcile.PhaseStaging, Seconds: 1.23}, {Phase: reconcile.PhaseWriting, Seconds: 1}, {Phase: reconcile.PhaseStart, Seconds: 2}}
	if got := phasesText(phases); got != "staged in 1.2s, started in 2.0s" {
		t.Errorf("%q", got)
	}
	if got := phasesText(phases[:1]); got != "done" {
		t.Errorf("%q", got)
	}
}
