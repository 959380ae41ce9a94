package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/archive"
)

func write(t testing.TB, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func mustScan(t testing.TB, dir string, o ScanOptions) *Tree {
	t.Helper()
	tree, err := Scan(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// lines renders entries, without their digests.
func lines(tree *Tree) []string {
	var out []string
	for _, e := range tree.Entries {
		l := fmt.Sprintf("%c %q", e.Type, e.Path)
		switch {
		case e.Type == Link:
			l += " -> " + e.Link
		case e.Executable:
			l += fmt.Sprintf(" %d x", e.Size)
		case e.Type == File:
			l += fmt.Sprintf(" %d", e.Size)
		}
		out = append(out, l)
	}
	return out
}

// app makes a folder with what the rules are about.
func app(t testing.TB) string {
	dir := t.TempDir()
	write(t, dir+"/.cfignore", "*.log\n!keep.log\nnode_modules\n/only-root\n", 0o644)
	write(t, dir+"/manifest.yml", "applications: []", 0o644)
	write(t, dir+"/.git/config", "", 0o644)
	write(t, dir+"/a.log", "", 0o644)
	write(t, dir+"/keep.log", "kept", 0o644)
	write(t, dir+"/node_modules/x/index.js", "", 0o644)
	write(t, dir+"/only-root", "", 0o644)
	write(t, dir+"/sub/only-root", "12", 0o644)
	write(t, dir+"/sub/.cfignore", "*", 0o644)
	write(t, dir+"/sub/.gitignore", "*", 0o644)
	write(t, dir+"/run.sh", "#!/bin/sh", 0o755)
	write(t, dir+"/owner", "o", 0o700)
	write(t, dir+"/group", "g", 0o654)
	write(t, dir+"/bytes-\xff", "b", 0o644)
	write(t, dir+"/vars/prod.yml", "secret: 1", 0o644)
	symlink(t, "run.sh", dir+"/link")
	symlink(t, "/absolute", dir+"/absolute")
	symlink(t, "nowhere", dir+"/sub/dangling")
	symlink(t, "sub", dir+"/folder-link")
	if err := os.Mkdir(dir+"/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

var appLines = []string{
	`l "absolute" -> /absolute`,
	`f "bytes-\xff" 1`,
	`l "folder-link" -> sub`,
	`f "group" 1`,
	`f "keep.log" 4`,
	`l "link" -> run.sh`,
	`f "owner" 1 x`,
	`f "run.sh" 9 x`,
	`l "sub/dangling" -> nowhere`,
	`f "sub/only-root" 2`,
	`f "vars/prod.yml" 9`,
}

func TestScanApp(t *testing.T) {
	t.Parallel()
	dir := app(t)
	tree := mustScan(t, dir, ScanOptions{Ignore: true})
	if diff := cmp.Diff(appLines, lines(tree)); diff != "" {
		t.Error(diff)
	}
	if tree.Files != 11 || tree.Bytes != 27 {
		t.Errorf("Files %d, Bytes %d; want 11, 27", tree.Files, tree.Bytes)
	}
}

func TestScanBuildpackFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/bin/detect", "", 0o755)
	write(t, dir+"/.git/config", "", 0o644)
	write(t, dir+"/lib/.git", "a file, as of a submodule", 0o644)
	write(t, dir+"/.cfignore", "*", 0o644)
	write(t, dir+"/manifest.yml", "language: x", 0o644)
	if err := os.Mkdir(dir+"/hollow", 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{`f ".cfignore" 1`, `d "bin"`, `f "bin/detect" 0 x`, `d "hollow"`, `d "lib"`, `f "manifest.yml" 11`}
	if diff := cmp.Diff(want, lines(mustScan(t, dir, ScanOptions{}))); diff != "" {
		t.Error(diff)
	}
}

func TestScanThroughLink(t *testing.T) {
	t.Parallel()
	dir := app(t)
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, dir, link)
	exclude := []string{link + "/vars/prod.yml", dir + "/link", "/elsewhere", dir + "/no/such"}
	tree := mustScan(t, link, ScanOptions{Ignore: true, Exclude: exclude})
	var want []string
	for _, l := range appLines {
		// link is excluded, and with it the file that it stands for.
		if !strings.Contains(l, "vars/prod.yml") && !strings.Contains(l, `"link"`) && !strings.Contains(l, `"run.sh"`) {
			want = append(want, l)
		}
	}
	if diff := cmp.Diff(want, lines(tree)); diff != "" {
		t.Error(diff)
	}
}

func TestScanErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/app.zip", "PK", 0o644)
	write(t, dir+"/ignored/.cfignore", "*", 0o644)
	write(t, dir+"/ignored/a", "", 0o644)
	write(t, dir+"/odd/.cfignore/x", "", 0o644)
	for _, d := range []string{"void", "folders/only"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o := ScanOptions{Ignore: true}
	if _, err := Scan(t.Context(), dir+"/app.zip", ScanOptions{}); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), "app.zip") {
		t.Errorf("a buildpack that is a file: %v, want ENOTDIR", err)
	}
	if _, err := Scan(t.Context(), dir+"/nowhere", o); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("missing: %v, want fs.ErrNotExist", err)
	}
	for _, name := range []string{"void", "folders", "ignored"} {
		_, err := Scan(t.Context(), filepath.Join(dir, name), o)
		var none *NoFilesError
		if !errors.As(err, &none) || err.Error() != "No app files found in '"+filepath.Join(dir, name)+"': check `path`, and what .cfignore leaves out" {
			t.Errorf("%s: %v, want cf's words", name, err)
		}
	}
	if _, err := Scan(t.Context(), dir+"/odd", o); err == nil || !strings.Contains(err.Error(), "odd/.cfignore") {
		t.Errorf("a folder .cfignore: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, app(t), o); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A file of 10 GB that takes no disk is refused by its size, unread; what is
// ignored does not count.
func TestScanTooBig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a", strings.Repeat("a", 60), 0o644)
	write(t, dir+"/b", strings.Repeat("b", 40), 0o644)
	write(t, dir+"/d/holes", "", 0o644)
	if err := os.Truncate(dir+"/d/holes", 10<<30); err != nil {
		t.Fatal(err)
	}
	_, err := Scan(t.Context(), dir, ScanOptions{Ignore: true, MaxBytes: 4 << 30})
	if want := dir + " holds 10G, more than the disk of its staging, 4G (d/holes alone has 10G): list what the app does not need in .cfignore, or raise the app's disk"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	write(t, dir+"/.cfignore", "d\n", 0o644)
	for limit, tooBig := range map[int64]bool{99: true, 100: false, 0: false} {
		_, err := Scan(t.Context(), dir, ScanOptions{Ignore: true, MaxBytes: limit})
		var refused *TooBigError
		if errors.As(err, &refused) != tooBig || err != nil && !tooBig {
			t.Errorf("limit %d: error %v", limit, err)
		}
	}
}

// What lies too deep for the droplet is refused before it is uploaded; what is
// ignored does not count.
func TestScanTooDeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deepest := strings.Repeat("d/", archive.MaxDepth-1)
	write(t, filepath.Join(dir, deepest, "f"), "x", 0o644)
	if _, err := Scan(t.Context(), dir, ScanOptions{Ignore: true}); err != nil {
		t.Errorf("error %v", err)
	}
	write(t, filepath.Join(dir, deepest, "e/f"), "x", 0o644)
	_, err := Scan(t.Context(), dir, ScanOptions{Ignore: true})
	var refused *TooDeepError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "more than 255 folders deep (in d/d/d/d/…)") {
		t.Errorf("error %v", err)
	}
	write(t, dir+"/.cfignore", "e\n", 0o644)
	if _, err := Scan(t.Context(), dir, ScanOptions{Ignore: true}); err != nil {
		t.Errorf("error %v", err)
	}
}

func TestScanUnreadable(t *testing.T) {
	const env = "WADI_TEST_SCAN_UNREADABLE"
	if dir := os.Getenv(env); dir != "" {
		for _, name := range []string{"file", "folder"} {
			_, err := Scan(t.Context(), filepath.Join(dir, name), ScanOptions{Ignore: true})
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), name+"/closed") || !strings.Contains(err.Error(), ".cfignore") {
				t.Errorf("%s: %v, want an error that names closed and says .cfignore", name, err)
			}
		}
		if _, err := Scan(t.Context(), filepath.Join(dir, "ignored"), ScanOptions{Ignore: true}); err != nil {
			t.Errorf("an ignored folder is opened: %v", err)
		}
		return
	}
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/file/closed", "x", 0)
	for _, d := range []string{"folder", "ignored"} {
		write(t, filepath.Join(dir, d, "closed/x"), "x", 0o644)
		write(t, filepath.Join(dir, d, "ok"), "x", 0o644)
		if err := os.Chmod(filepath.Join(dir, d, "closed"), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, d, "closed"), 0o700) })
	}
	write(t, dir+"/ignored/.cfignore", "closed/\n", 0o644)
	openToAll(t, dir)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestScanUnreadable$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// openToAll lets any user enter a temporary folder.
func openToAll(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
