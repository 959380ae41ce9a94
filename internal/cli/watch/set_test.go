package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keepExample leaves out what is called ignored, and *.log.
func keepExample(path string, t fs.FileMode) (include, enter bool) {
	if t.IsDir() {
		return false, filepath.Base(path) != "ignored"
	}
	return filepath.Base(path) != "ignored" && !strings.HasSuffix(path, ".log"), false
}

func TestCounts(t *testing.T) {
	t.Parallel()
	set := Set{Files: []string{"/p/manifest.yml", "/p/app", "/else/vars.yml~", "/p/app/ignored/file"}, Trees: []Tree{{"/p/app", keepExample}}}
	for _, c := range []struct {
		path string
		mode fs.FileMode
		gone bool
		want bool
	}{
		{"/p/manifest.yml", 0, false, true},
		{"/p/manifest.yml", 0, true, true},
		{"/p/other.yml", 0, false, false},
		{"/p/app", fs.ModeDir, false, true},
		{"/p", 0, true, true}, // and with it the files
		{"/p/ap", 0, true, false},
		{"/p/application/file", 0, false, false},
		{"/p/app/file", 0, false, true},
		{"/p/app/file", fs.ModeSymlink, false, true},
		{"/p/app/x/y/file", 0, false, true},
		{"/p/app/x", fs.ModeDir, false, true},
		{"/p/app/x", 0, true, true},
		{"/p/app/x.log", 0, false, false},
		{"/p/app/x.log", fs.ModeDir, false, true},
		{"/p/app/ignored", fs.ModeDir | fs.ModeSticky, false, true}, // on the way to a file
		{"/p/app/x/ignored", fs.ModeDir, false, false},
		{"/p/app/ignored/other", 0, false, false},
		{"/p/app/ignored/file", 0, false, true},
		{"/p/app/x/ignored/x/y", 0, true, false},
		{"/p/app/.file.swp", 0, false, false},
		{"/p/app/4913", 0, true, false},
		{"/p/app/file~", 0, false, false},
		{"/else/vars.yml~", 0, false, true}, // named is named
	} {
		if got := set.counts(c.path, c.mode, c.gone); got != c.want {
			t.Errorf("%s (%v, gone %v): %v", c.path, c.mode, c.gone, got)
		}
	}
}

func TestLeftByEditor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		".a.swp": true, ".a.html.swo": true, ".swp": true, "4913": true, "a~": true, ".#a": true, "#a#": true,
		".goutputstream-X": true, "a.html___jb_tmp___": true, "a.html___jb_old___": true,
		"a": false, "a.swp": false, ".swift": false, ".env": false, "#": false, "#a": false, "49130": false, "": false,
	} {
		if got := leftByEditor(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestResolved(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "real/file"), "x")
	for name, target := range map[string]string{"link": "real", "real/other": "file"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got := Set{
		Files: []string{filepath.Join(dir, "link/other"), filepath.Join(dir, "link/not/there"), filepath.Join(dir, "real/file")},
		Trees: []Tree{{Root: filepath.Join(dir, "real")}},
	}.resolved()
	var want []string
	for _, name := range []string{"real/other", "real/file", "real/not/there", "real"} {
		want = append(want, filepath.Join(dir, name))
	}
	if !slices.Equal(got.Files, want) {
		t.Errorf("%q\nwant %q", got.Files, want)
	}
}
