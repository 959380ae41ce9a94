package stage

import (
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/archive"
)

// cacheFile is the only file in the cache folder.
func cacheFile(t testing.TB, folder string) string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*")
	if err != nil || len(files) != 1 {
		t.Fatalf("cache folder holds %v (%v), want one file", files, err)
	}
	return files[0]
}

// age rewrites the cache of dir as if its files had been hashed when they were
// long settled: a test cannot wait until they are. It hashes every file.
func age(t testing.TB, dir, folder string, ignore bool) {
	t.Helper()
	tree := mustScan(t, dir, ScanOptions{Ignore: ignore})
	c := loadCache(folder, tree.Root, ignore)
	var records []record
	buf := make([]byte, 1<<16)
	for _, e := range tree.Entries {
		if e.Type == File {
			h, err := archive.HashFile(t.Context(), tree.Root, e.Path, buf)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, record{info: h.Info, digest: h.Digest})
		}
	}
	r, err := readRules(tree.Root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.file, encodeCache(r.digest, records), 0o600); err != nil {
		t.Fatal(err)
	}
}

// justNow makes a file one that was written to just now, however long the test
// has taken since and in whatever tick it was written to before.
func justNow(t testing.TB, file string) {
	t.Helper()
	soon := time.Now().Add(time.Hour)
	if err := os.Chtimes(file, soon, soon); err != nil {
		t.Fatal(err)
	}
}

// The cache is used at all: a digest that only it has comes out.
func TestCacheIsUsed(t *testing.T) {
	t.Parallel()
	dir, folder := t.TempDir(), t.TempDir()
	write(t, dir+"/a", "A", 0o644)
	write(t, dir+"/b", "B", 0o644)
	age(t, dir, folder, true)
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := loadCache(folder, root, true)
	planted := fmt.Sprintf("%064x", 7)
	c.old[c.index["a"]].digest = planted
	if err := os.WriteFile(c.file, encodeCache(c.rules, c.old), 0o600); err != nil {
		t.Fatal(err)
	}
	o := ScanOptions{Ignore: true, Cache: folder}
	if d := mustScan(t, dir, o).Entries[0].Digest; d != planted {
		t.Fatalf("digest %s, want the planted one", d)
	}
	write(t, dir+"/a", "B", 0o644)
	justNow(t, dir+"/a")
	tree := mustScan(t, dir, o)
	if tree.Entries[0].Digest != tree.Entries[1].Digest {
		t.Error("the digest of a changed file comes from the cache")
	}
	// The changed file is too young to be cached, the other one stays.
	if c := loadCache(folder, root, true); len(c.old) != 1 || c.old[0].info.Path != "b" {
		t.Errorf("cache holds %d records, want b", len(c.old))
	}
}

// Whatever happens to a tree, a scan with the cache equals one without.
func TestCacheNeverChangesTheTree(t *testing.T) {
	t.Parallel()
	dir, folder := app(t), filepath.Join(t.TempDir(), "made/if/need/be")
	old := time.Now().Add(-time.Hour)
	steps := []struct {
		name string
		do   func()
	}{
		{"first", func() {}},
		{"again", func() {}},
		{"same size and time, other content", func() {
			write(t, dir+"/keep.log", "1234", 0o644)
			_ = os.Chtimes(dir+"/keep.log", old, old)
		}},
		{"another content under the same time", func() {
			age(t, dir, folder, true)
			before := statOf(t, dir+"/keep.log").ChangeNS
			for statOf(t, dir+"/keep.log").ChangeNS == before { // a file system counts time in ticks
				write(t, dir+"/keep.log", "5678", 0o644)
				_ = os.Chtimes(dir+"/keep.log", old, old)
			}
		}},
		{"replaced by a rename", func() {
			age(t, dir, folder, true)
			write(t, dir+"/new", "9999", 0o644)
			_ = os.Chtimes(dir+"/new", old, old)
			_ = os.Rename(dir+"/new", dir+"/keep.log")
		}},
		{"x bit", func() { age(t, dir, folder, true); _ = os.Chmod(dir+"/keep.log", 0o755) }},
		{"other rules", func() { age(t, dir, folder, true); write(t, dir+"/.cfignore", "keep.log\n", 0o644) }},
		{"file becomes a link", func() { age(t, dir, folder, true); os.Remove(dir + "/owner"); symlink(t, "run.sh", dir+"/owner") }},
		{"file becomes a folder", func() { age(t, dir, folder, true); os.Remove(dir + "/group"); write(t, dir+"/group/a", "x", 0o644) }},
		{"removed", func() { age(t, dir, folder, true); os.RemoveAll(dir + "/sub") }},
		{"cache removed", func() { os.RemoveAll(folder) }},
		{"cache cannot be made", func() { os.RemoveAll(folder); write(t, folder, "a file", 0o644) }},
	}
	for _, s := range steps {
		s.do()
		got := mustScan(t, dir, ScanOptions{Ignore: true, Cache: folder})
		want := mustScan(t, dir, ScanOptions{Ignore: true})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", s.name, diff)
		}
	}
}

// A scan fills the cache by itself. It needs files that were not written just
// now, such as Go's own.
func TestCacheFills(t *testing.T) {
	t.Parallel()
	dir, folder := filepath.Join(build.Default.GOROOT, "src", "bufio"), t.TempDir()
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no sources of Go: %v", err)
	}
	tree := mustScan(t, dir, ScanOptions{Ignore: true, Cache: folder})
	c := loadCache(folder, tree.Root, true)
	if len(c.old) != len(tree.Entries) || len(c.old) == 0 {
		t.Fatalf("the cache holds %d of %d files", len(c.old), len(tree.Entries))
	}
	before, err := os.Stat(cacheFile(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree, mustScan(t, dir, ScanOptions{Ignore: true, Cache: folder})); diff != "" {
		t.Error(diff)
	}
	if after, err := os.Stat(cacheFile(t, folder)); err != nil || !os.SameFile(before, after) {
		t.Errorf("written again although nothing has changed (%v)", err)
	}
}

// One folder scanned as an app and as a buildpack has two caches.
func TestCachePerKind(t *testing.T) {
	t.Parallel()
	dir, folder := app(t), t.TempDir()
	age(t, dir, folder, true)
	age(t, dir, folder, false)
	for _, ignore := range []bool{true, false} {
		got := mustScan(t, dir, ScanOptions{Ignore: ignore, Cache: folder})
		if diff := cmp.Diff(mustScan(t, dir, ScanOptions{Ignore: ignore}), got); diff != "" {
			t.Errorf("Ignore %v:\n%s", ignore, diff)
		}
	}
}

func TestCacheDamaged(t *testing.T) {
	t.Parallel()
	dir, folder := app(t), t.TempDir()
	age(t, dir, folder, true)
	want := mustScan(t, dir, ScanOptions{Ignore: true})
	file := cacheFile(t, folder)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{"empty": {}, "text": []byte("hello"), "magic only": []byte(cacheMagic), "twice": append(append([]byte{}, good...), good...)}
	for n := 0; n < len(good); n += 1 + len(good)/40 {
		damage[fmt.Sprintf("cut at %d", n)] = good[:n]
		flipped := append([]byte{}, good...)
		flipped[n] ^= 0x10
		damage[fmt.Sprintf("bit at %d", n)] = flipped
	}
	for name, b := range damage {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if c := loadCache(folder, want.Root, true); len(c.old) != 0 {
			t.Errorf("%s: taken for good", name)
		}
		got := mustScan(t, dir, ScanOptions{Ignore: true, Cache: folder})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// FuzzCache: no bytes make the decoder panic, and what it accepts it also
// writes.
func FuzzCache(f *testing.F) {
	r := record{info: archive.Info{Path: "a/b", Size: 3, ModNS: -5, ChangeNS: 7, Inode: 9, Mode: 0o644}, digest: fmt.Sprintf("%064x", 1)}
	f.Add(encodeCache([32]byte{1}, []record{r, r}))
	f.Add([]byte(cacheMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, in := range [][]byte{b, sealed(b)} {
			c := &statCache{}
			c.decode(in)
			again := &statCache{}
			again.decode(encodeCache(c.rules, c.old))
			if len(again.old) != len(c.old) {
				t.Errorf("%d records, written and read again %d", len(c.old), len(again.old))
			}
		}
	})
}

// sealed gives the body a right magic and checksum, for the decoder to go on.
func sealed(body []byte) []byte {
	empty := encodeCache([32]byte{}, nil)
	b := append([]byte{}, empty[:len(cacheMagic)]...)
	return seal(append(b, body...))
}

func TestCacheConcurrentScans(t *testing.T) {
	t.Parallel()
	dir, folder := app(t), t.TempDir()
	want := mustScan(t, dir, ScanOptions{Ignore: true})
	var wg sync.WaitGroup
	for range 2 { // these write without a rename: readers see half a cache
		wg.Go(func() {
			for range 5 {
				age(t, dir, folder, true)
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for range 10 {
				got, err := Scan(t.Context(), dir, ScanOptions{Ignore: true, Cache: folder})
				if err != nil || got.Digest != want.Digest {
					t.Errorf("digest differs, error %v", err)
				}
			}
		})
	}
	wg.Wait()
	cacheFile(t, folder) // and nothing half written beside it
	if left, _ := filepath.Glob(folder + "/.new-*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	at := func(d time.Duration) int64 { return now.Add(d).UnixNano() }
	tests := []struct {
		mod, change time.Duration
		stable      bool
		want        bool
	}{
		{-time.Hour, -time.Hour, true, true},
		{-time.Hour, -time.Hour, false, false},
		{-time.Hour, -time.Second, true, false},
		{-time.Second, -time.Hour, true, false},
		{time.Hour, -time.Hour, true, false},
		{-2 * time.Second, -3 * time.Second, true, false},
		{-3 * time.Second, -3 * time.Second, true, true},
	}
	for _, tt := range tests {
		h := archive.Hashed{Info: archive.Info{ModNS: at(tt.mod), ChangeNS: at(tt.change)}, Stable: tt.stable}
		if got := settled(h, now); got != tt.want {
			t.Errorf("settled(%+v) = %v", tt, got)
		}
	}
}
