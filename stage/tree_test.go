package stage

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/archive"
)

func pack(t testing.TB, tree *Tree) []byte {
	t.Helper()
	return packBelow(t, tree, "")
}

func packBelow(t testing.TB, tree *Tree, below string) []byte {
	t.Helper()
	var b bytes.Buffer
	p := tree.Package(below)
	if err := p.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if size, err := p.Size(); err != nil || size != int64(b.Len()) {
		t.Errorf("the package has %d bytes, Size says %d (%v)", b.Len(), size, err)
	}
	return b.Bytes()
}

// The digest and the package depend on nothing but names, contents, the
// owner's x bit and link targets.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T, order []int, file, exec fs.FileMode) string {
		dir := t.TempDir()
		for _, n := range order {
			[]func(){
				func() { write(t, dir+"/a", "A", file) },
				func() { write(t, dir+"/b/c", "C", exec) },
				func() { symlink(t, "a", dir+"/l") },
				func() { write(t, dir+"/b.d", "D", file) },
			}[n]()
		}
		return dir
	}
	base := mustScan(t, build(t, []int{0, 1, 2, 3}, 0o644, 0o755), ScanOptions{Ignore: true})
	const golden = "1c03b5568e6e82e4ced9c817b68f7bc16104a4856a23d9d68e343472ea502059"
	if base.Digest != golden {
		t.Errorf("Digest = %s, want %s: packages of all projects would be new", base.Digest, golden)
	}
	old := build(t, []int{3, 2, 1, 0}, 0o600, 0o700)
	if err := os.Chtimes(old+"/a", time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(old+"/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	same := mustScan(t, old, ScanOptions{Ignore: true})
	if same.Digest != base.Digest {
		t.Error("the digest depends on order, umask, times or empty folders")
	}
	if !bytes.Equal(pack(t, base), pack(t, same)) {
		t.Error("the package depends on order, umask, times or empty folders")
	}
	changes := map[string]func(dir string){
		"content":   func(dir string) { write(t, dir+"/a", "B", 0o644) },
		"x bit":     func(dir string) { write(t, dir+"/a", "A", 0o755) },
		"no x bit":  func(dir string) { write(t, dir+"/b/c", "C", 0o644) },
		"target":    func(dir string) { os.Remove(dir + "/l"); symlink(t, "b", dir+"/l") },
		"file":      func(dir string) { os.Remove(dir + "/l"); write(t, dir+"/l", "a", 0o644) },
		"name":      func(dir string) { os.Rename(dir+"/a", dir+"/A") },
		"new":       func(dir string) { write(t, dir+"/e", "", 0o644) },
		"less":      func(dir string) { os.Remove(dir + "/b.d") },
		"elsewhere": func(dir string) { os.Rename(dir+"/b.d", dir+"/b/d") },
	}
	seen := map[string]string{base.Digest: "nothing"}
	for name, change := range changes {
		dir := build(t, []int{0, 1, 2, 3}, 0o644, 0o755)
		change(dir)
		d := mustScan(t, dir, ScanOptions{Ignore: true}).Digest
		if other, ok := seen[d]; ok {
			t.Errorf("change of %s gives the digest of a change of %s", name, other)
		}
		seen[d] = name
	}
}

func TestPackageStream(t *testing.T) {
	t.Parallel()
	dir := app(t)
	tree := mustScan(t, dir, ScanOptions{Ignore: true})
	stream := pack(t, tree)
	var got []string
	for r := tar.NewReader(bytes.NewReader(stream)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(archive.Epoch) {
			t.Errorf("%s: owner %d:%d %q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		got = append(got, fmt.Sprintf("%c %q %o %s", h.Typeflag, h.Name, h.Mode, h.Linkname))
	}
	want := []string{
		`2 "absolute" 777 /absolute`,
		`0 "bytes-\xff" 644 `,
		`2 "folder-link" 777 sub`,
		`0 "group" 644 `,
		`0 "keep.log" 644 `,
		`2 "link" 777 run.sh`,
		`0 "owner" 755 `,
		`0 "run.sh" 755 `,
		`5 "sub/" 755 `,
		`2 "sub/dangling" 777 nowhere`,
		`0 "sub/only-root" 644 `,
		`5 "vars/" 755 `,
		`0 "vars/prod.yml" 644 `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What is unpacked is the same tree again.
	to := t.TempDir()
	root, err := os.OpenRoot(to)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := archive.Extract(t.Context(), bytes.NewReader(stream), root, archive.ExtractOptions{UID: -1, GID: -1}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree.Entries, mustScan(t, to, ScanOptions{Ignore: true}).Entries); diff != "" {
		t.Error(diff)
	}
}

// TestPackageIsInDroplet: an app that its staging leaves as it was has the same
// bytes in the droplet as in its package.
func TestPackageIsInDroplet(t *testing.T) {
	t.Parallel()
	dir := app(t)
	write(t, dir+"/deep/er/folder-file", "1", 0o644)
	write(t, dir+"/deep/er/folder/file", "2", 0o644)
	write(t, dir+"/"+strings.Repeat("long", 50)+"/file", "3", 0o755)
	stream := packBelow(t, mustScan(t, dir, ScanOptions{Ignore: true}), "app")
	droplet := t.TempDir()
	if err := os.Mkdir(droplet+"/app", 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(droplet + "/app")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := archive.Extract(t.Context(), bytes.NewReader(stream), root, archive.ExtractOptions{UID: -1, GID: -1, Below: "app"}); err != nil {
		t.Fatal(err)
	}
	items, err := archive.Items(t.Context(), droplet)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := archive.Write(t.Context(), &again, archive.Dir(droplet), items); err != nil {
		t.Fatal(err)
	}
	const head = 512 // of the folder app itself
	if !bytes.Equal(again.Bytes()[head:], stream) {
		t.Error("what was unpacked is packed otherwise")
	}
}

func TestPackageOfChangedFolder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(dir string)
		path   string // "" = no error
	}{
		"nothing":       {func(string) {}, ""},
		"other content": {func(dir string) { write(t, dir+"/group", "h", 0o644) }, "group"},
		"grown":         {func(dir string) { write(t, dir+"/group", "gg", 0o644) }, "group"},
		"vanished":      {func(dir string) { os.Remove(dir + "/run.sh") }, "run.sh"},
		"a link now":    {func(dir string) { os.Remove(dir + "/owner"); symlink(t, "group", dir+"/owner") }, "owner"},
		"folder gone":   {func(dir string) { os.RemoveAll(dir + "/sub") }, "sub/only-root"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := app(t)
			tree := mustScan(t, dir, ScanOptions{Ignore: true})
			tt.change(dir)
			err := tree.Package("").Write(t.Context(), io.Discard)
			var changed *archive.ChangedError
			if errors.As(err, &changed) != (tt.path != "") || err != nil && changed.Path != tt.path {
				t.Errorf("error %v, want a ChangedError of %q", err, tt.path)
			}
		})
	}
}
