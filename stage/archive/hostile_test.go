package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// makeTar builds a stream; a file's content is "data" unless it has a size.
func makeTar(t testing.TB, hs ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range hs {
		if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
			h.Mode = 0o644
		}
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = "data"
			h.Size = 4
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reg(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }
func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}
func sym(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
}
func hard(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

// snapshot is everything below dir with its type, mode, size and target.
func snapshot(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%q %v", strings.TrimPrefix(p, dir), info.Mode())
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q %d", b, info.Sys().(*syscall.Stat_t).Nlink)
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			line += " -> " + to
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// prison makes top/{root,outside/victim,victim}, from which nothing but root
// may change.
func prison(t testing.TB) (top string, root *os.Root) {
	top = t.TempDir()
	write(t, top+"/outside/victim", "precious", 0o644)
	write(t, top+"/victim", "precious", 0o644)
	write(t, top+"/root/keep", "kept", 0o644)
	return top, openRoot(t, top+"/root")
}

func outside(t testing.TB, top string) []string {
	t.Helper()
	var out []string
	for _, l := range snapshot(t, top) {
		if !strings.HasPrefix(l, `"/root`) {
			out = append(out, l)
		}
	}
	return out
}

func TestExtractHostile(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("d/", MaxDepth+1) + "f"
	tests := []struct {
		name    string
		entries []tar.Header
		entry   string // that the error must name
	}{
		{"dot dot", []tar.Header{reg("../victim")}, "../victim"},
		{"dot dot inside", []tar.Header{reg("a/../../victim")}, "a/../../victim"},
		{"dot dot that stays inside", []tar.Header{reg("a/../b")}, "a/../b"},
		{"dot dot folder", []tar.Header{dir("../new")}, "../new"},
		{"dot dot link", []tar.Header{sym("../new", "x")}, "../new"},
		{"absolute", []tar.Header{reg("/tmp/wadi-hostile")}, "/tmp/wadi-hostile"},
		{"root as a file", []tar.Header{reg("./.")}, "./."},
		{"through a link", []tar.Header{sym("l", "../outside"), reg("l/victim")}, "l/victim"},
		{"through an absolute link", []tar.Header{sym("l", "/tmp"), reg("l/victim")}, "l/victim"},
		{"through a link that stays inside", []tar.Header{dir("d"), sym("l", "d"), reg("l/x")}, "l/x"},
		{"through a link to here", []tar.Header{sym("l", "."), reg("l/x")}, "l/x"},
		{"folder through a link", []tar.Header{sym("l", "../outside"), dir("l/new")}, "l/new"},
		{"link through a link", []tar.Header{sym("l", ".."), sym("l/new", "x")}, "l/new"},
		{"onto a link", []tar.Header{sym("l", "../victim"), reg("l")}, "l"},
		{"onto a dangling link", []tar.Header{sym("l", "../new"), reg("l")}, "l"},
		{"folder onto a link to a folder", []tar.Header{sym("l", "../outside"), dir("l")}, "l"},
		{"file twice", []tar.Header{reg("f"), reg("f")}, "f"},
		{"file over what was there", []tar.Header{reg("keep")}, "keep"},
		{"link over a file", []tar.Header{reg("f"), sym("f", "../victim")}, "f"},
		{"link over a folder", []tar.Header{dir("d"), sym("d", "../outside")}, "d"},
		{"folder over a file", []tar.Header{reg("f"), dir("f")}, "f"},
		{"below a file", []tar.Header{reg("f"), reg("f/x")}, "f/x"},
		{"hard link outside", []tar.Header{hard("h", "../victim")}, "h"},
		{"hard link to an absolute path", []tar.Header{hard("h", "/etc/passwd")}, "h"},
		{"hard link through a link", []tar.Header{sym("l", ".."), hard("h", "l/victim")}, "h"},
		{"hard link through a link inside", []tar.Header{reg("d/f"), sym("l", "d"), hard("h", "l/f")}, "h"},
		{"hard link to a link", []tar.Header{sym("l", "../victim"), hard("h", "l")}, "h"},
		{"hard link to a folder", []tar.Header{dir("d"), hard("h", "d")}, "h"},
		{"hard link to itself", []tar.Header{hard("h", "h")}, "h"},
		{"hard link to nothing", []tar.Header{hard("h", "later"), reg("later")}, "h"},
		{"hard link over a file", []tar.Header{reg("f"), reg("g"), hard("f", "g")}, "f"},
		{"hard link to root", []tar.Header{hard("h", ".")}, "h"},
		{"character device", []tar.Header{{Typeflag: tar.TypeChar, Name: "c", Devmajor: 1, Devminor: 3}}, "c"},
		{"block device", []tar.Header{{Typeflag: tar.TypeBlock, Name: "b", Devmajor: 7}}, "b"},
		{"pipe", []tar.Header{{Typeflag: tar.TypeFifo, Name: "p"}}, "p"},
		{"too deep", []tar.Header{reg(deep)}, deep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top, root := prison(t)
			before := outside(t, top)
			_, err := Extract(t.Context(), bytes.NewReader(makeTar(t, tt.entries...)), root, leave)
			var refused *EntryError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v, want an EntryError", err)
			}
			if refused.Entry != tt.entry {
				t.Errorf("the error names %q, want %q: %v", refused.Entry, tt.entry, err)
			}
			if diff := cmp.Diff(before, outside(t, top)); diff != "" {
				t.Errorf("changed outside of root:\n%s", diff)
			}
			if b, err := os.ReadFile(top + "/root/keep"); string(b) != "kept" {
				t.Errorf("root/keep is now %q (%v)", b, err)
			}
		})
	}
}

func TestExtractAccepts(t *testing.T) {
	t.Parallel()
	stream := makeTar(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}},
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o700},
		reg("./app/f"), // as a droplet of Cloud Foundry, and app is only implied
		tar.Header{Typeflag: tar.TypeReg, Name: "app/suid", Mode: 0o6755},
		tar.Header{Typeflag: tar.TypeDir, Name: "app/closed", Mode: 0o555},
		reg("app/closed/f"),
		dir("app/closed/twice"),
		dir("app/closed/twice"),
		sym("app/l", "/absolute/../path"),
		sym("app/dangling", "no/such"),
		hard("app/h", "./app/f"),
		reg("back"),
	)
	top := t.TempDir()
	if err := os.Chmod(top, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(t.Context(), bytes.NewReader(stream), openRoot(t, top), leave); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`"" drwxr-x---`,
		`"/app" drwxr-xr-x`,
		`"/app/closed" dr-xr-xr-x`,
		`"/app/closed/f" -rw-r--r-- "data" 1`,
		`"/app/closed/twice" drwxr-xr-x`,
		`"/app/dangling" Lrwxrwxrwx -> no/such`,
		`"/app/f" -rw-r--r-- "data" 2`,
		`"/app/h" -rw-r--r-- "data" 2`,
		`"/app/l" Lrwxrwxrwx -> /absolute/../path`,
		`"/app/suid" -rwxr-xr-x "data" 1`,
		`"/back" -rw-r--r-- "data" 1`,
	}
	if diff := cmp.Diff(want, snapshot(t, top)); diff != "" {
		t.Error(diff)
	}
}

// TestExtractBelow unpacks one folder of a stream.
func TestExtractBelow(t *testing.T) {
	t.Parallel()
	below := ExtractOptions{UID: -1, GID: -1, Below: "app"}
	tests := map[string]struct {
		entries []tar.Header
		want    []string // names beside keep
		entry   string   // that the error must name
	}{
		"files":            {[]tar.Header{dir("app/"), reg("app/f"), reg("./app/d/f"), sym("app/l", "../x"), hard("app/h", "app/d/f")}, []string{"d", "d/f", "f", "h", "l"}, ""},
		"nothing":          {nil, nil, ""},
		"beside":           {[]tar.Header{reg("deps/f")}, nil, "deps/f"},
		"a like name":      {[]tar.Header{reg("application")}, nil, "application"},
		"above":            {[]tar.Header{dir("./")}, nil, "./"},
		"itself a file":    {[]tar.Header{reg("app")}, nil, "app"},
		"itself a link":    {[]tar.Header{sym("app", "/etc")}, nil, "app"},
		"link from beside": {[]tar.Header{hard("app/h", "keep")}, nil, "app/h"},
		"link to itself":   {[]tar.Header{hard("app/h", "app")}, nil, "app/h"},
		"link out of it":   {[]tar.Header{hard("app/h", "app/../../victim")}, nil, "app/h"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top, root := prison(t)
			before := outside(t, top)
			_, err := Extract(t.Context(), bytes.NewReader(makeTar(t, tt.entries...)), root, below)
			var refused *EntryError
			if errors.As(err, &refused); tt.entry == "" && err != nil || tt.entry != "" && (refused == nil || refused.Entry != tt.entry) {
				t.Errorf("error %v, want one of %q", err, tt.entry)
			}
			if diff := cmp.Diff(before, outside(t, top)); diff != "" {
				t.Errorf("outside of the folder: %s", diff)
			}
			var got []string
			infos, err := List(t.Context(), top+"/root", keepAll)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range infos {
				if i.Path != "keep" {
					got = append(got, i.Path)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExtractTimes(t *testing.T) {
	t.Parallel()
	own, staged := time.Unix(1_000_000_000, 0), time.Unix(1_700_000_000, 0)
	at := func(h tar.Header, when time.Time) tar.Header { h.ModTime = when; return h }
	stream := makeTar(t, at(reg("package"), Epoch), at(reg("built"), own), at(dir("d"), Epoch), at(reg("d/f"), own), at(reg("implied/f"), own))
	for _, given := range []time.Time{{}, staged} {
		top := t.TempDir()
		o := leave
		o.ModTime = given
		if _, err := Extract(t.Context(), bytes.NewReader(stream), openRoot(t, top), o); err != nil {
			t.Fatal(err)
		}
		epoch := given
		if given.IsZero() {
			epoch = Epoch
		}
		for name, want := range map[string]time.Time{"package": epoch, "built": own, "d": epoch, "d/f": own, "implied": epoch} {
			info, err := os.Stat(filepath.Join(top, name))
			if err != nil || !info.ModTime().Equal(want) {
				t.Errorf("ModTime %v: %s has %v (%v), want %v", given, name, info.ModTime(), err, want)
			}
		}
	}
}

func TestExtractOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	top := t.TempDir()
	stream := makeTar(t, dir("d"), reg("d/f"), reg("implied/f"), sym("l", "/nowhere"), hard("h", "d/f"))
	if _, err := Extract(t.Context(), bytes.NewReader(stream), openRoot(t, top), ExtractOptions{UID: 2000, GID: 2001}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "d/f", "implied", "implied/f", "l", "h"} {
		var st syscall.Stat_t
		if err := syscall.Lstat(filepath.Join(top, name), &st); err != nil || st.Uid != 2000 || st.Gid != 2001 {
			t.Errorf("%s belongs to %d:%d (%v), want 2000:2001", name, st.Uid, st.Gid, err)
		}
	}
}

func TestExtractLimits(t *testing.T) {
	t.Parallel()
	stream := makeTar(t, reg("a"), reg("b"), reg("c"))
	tests := []struct {
		bytes   int64
		entries int
		want    LimitError // zero: none
	}{
		{0, 0, LimitError{}},
		{12, 3, LimitError{}},
		{11, 0, LimitError{Entry: "c", What: "bytes", Limit: 11}},
		{0, 2, LimitError{Entry: "c", What: "entries", Limit: 2}},
		{3, 1, LimitError{Entry: "a", What: "bytes", Limit: 3}},
	}
	for _, tt := range tests {
		o := leave
		o.MaxBytes, o.MaxEntries = tt.bytes, tt.entries
		_, err := Extract(t.Context(), bytes.NewReader(stream), openRoot(t, t.TempDir()), o)
		var limit *LimitError
		if errors.As(err, &limit) {
			if *limit != tt.want {
				t.Errorf("limits %d, %d: %+v, want %+v", tt.bytes, tt.entries, *limit, tt.want)
			}
		} else if err != nil || tt.want != (LimitError{}) {
			t.Errorf("limits %d, %d: error %v, want %+v", tt.bytes, tt.entries, err, tt.want)
		}
	}
}

func TestExtractBrokenStream(t *testing.T) {
	t.Parallel()
	good := makeTar(t, reg("a"), reg("b"))
	for name, b := range map[string][]byte{
		"cut in a header":  good[:700+512],
		"cut in a content": good[:514],
		"noise":            bytes.Repeat([]byte("noise"), 300),
	} {
		_, err := Extract(t.Context(), bytes.NewReader(b), openRoot(t, t.TempDir()), leave)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What follows the end of the archive is read: a verifying reader must see it.
func TestExtractReadsToTheEnd(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader(append(makeTar(t, reg("a")), make([]byte, 1<<20)...))
	if _, err := Extract(t.Context(), r, openRoot(t, t.TempDir()), leave); err != nil || r.Len() != 0 {
		t.Errorf("%d bytes left, error %v", r.Len(), err)
	}
}

// FuzzExtract builds streams out of few names, so that entries collide, and
// takes raw bytes too. Nothing outside of root may ever change.
func FuzzExtract(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{2, 7, 3, 0, 8, 0})               // l -> .., then a file below it
	f.Add([]byte{2, 1, 4, 3, 2, 4, 0, 2, 0})      // links and hard links
	f.Add(makeTar(f, reg("../victim"), reg("a"))) // a raw stream
	top, _ := prison(f)
	before := outside(f, top)
	f.Fuzz(func(t *testing.T, in []byte) {
		names := []string{"a", "l", "a/b", "l/victim", "../victim", "/etc/wadi-fuzz", "./a//b", "..", "outside", "a/l/../x", "l/l/l", ".", "\xff"}
		var hs []tar.Header
		for i := 0; i+2 < len(in) && i < 60; i += 3 {
			name, to := names[int(in[i+1])%len(names)], names[int(in[i+2])%len(names)]
			hs = append(hs, []tar.Header{reg(name), dir(name), sym(name, to), hard(name, to), {Typeflag: tar.TypeFifo, Name: name}}[in[i]%5])
		}
		for _, b := range [][]byte{in, makeTar(t, hs...)} {
			inside := filepath.Join(top, "root")
			if err := os.RemoveAll(inside); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(inside)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Extract(t.Context(), bytes.NewReader(b), root, ExtractOptions{UID: -1, GID: -1, MaxBytes: 1 << 20, MaxEntries: 1000})
			root.Close()
			if diff := cmp.Diff(before, outside(t, top)); diff != "" {
				t.Fatalf("changed outside of root (error %v):\n%s", err, diff)
			}
			if _, err := os.Lstat("/etc/wadi-fuzz"); err == nil {
				t.Fatal("wrote to /etc")
			}
		}
	})
}
