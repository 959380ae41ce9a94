package stage

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"wadi/stage/archive"
)

// randomTree gives the files and links of a tree by their paths.
func randomTree(r *rand.Rand) []zipped {
	seen := map[string]bool{}
	var out []zipped
	for range 2 + r.IntN(25) {
		parts := make([]string, 1+r.IntN(4))
		for i := range parts {
			parts[i] = fmt.Sprintf("d%d", r.IntN(3)) // folders of one name each
		}
		parts[len(parts)-1] = []string{"a", "a.b", "a-b", "é", "x.log", "manifest.yml"}[r.IntN(6)]
		e := zipped{name: strings.Join(parts, "/"), content: strings.Repeat("content ", r.IntN(3)*r.IntN(20_000)), method: []uint16{zip.Store, zip.Deflate}[r.IntN(2)]}
		if seen[e.name] {
			continue
		}
		seen[e.name] = true
		if r.IntN(5) == 0 {
			e.mode, e.content = fs.ModeSymlink|0o777, []string{"a", "../x", "/absolute"}[r.IntN(3)]
		}
		out = append(out, e)
	}
	if r.IntN(2) == 0 {
		out = append(out, zipped{name: ".cfignore", content: "*.log\n!d1/x.log\nd2/d2\n"})
	}
	// So that there is something, whatever is ignored.
	return append(out, zipped{name: "always", content: "1"}, zipped{name: "two", content: "2"})
}

// TestZipIsItsFolder: the zip of a folder is the same package as the folder,
// byte for byte, where all files are executable, as they are in a zip; in
// whatever order the zip has them, with or without entries for folders.
func TestZipIsItsFolder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 8))
	for n := range 20 {
		content := randomTree(r)
		dir := t.TempDir()
		folders := map[string]bool{}
		for _, e := range content {
			for f := filepath.Dir(e.name); f != "."; f = filepath.Dir(f) {
				folders[f] = true
			}
			if e.mode != 0 {
				symlink(t, e.content, filepath.Join(dir, e.name))
			} else {
				write(t, filepath.Join(dir, e.name), e.content, []fs.FileMode{0o744, 0o755, 0o700}[r.IntN(3)])
			}
		}
		if n%2 == 0 {
			for f := range folders {
				content = append(content, zipped{name: f + "/", mode: fs.ModeDir | 0o755})
			}
		}
		r.Shuffle(len(content), func(i, j int) { content[i], content[j] = content[j], content[i] })
		folder := mustScan(t, dir, ScanOptions{Ignore: true})
		zip := mustScan(t, zipFileOf(t, "app.zip", content...), ScanOptions{Ignore: true})
		if diff := gocmp.Diff(folder.Entries, zip.Entries); diff != "" {
			t.Fatal(diff)
		}
		if folder.Digest != zip.Digest || folder.Files != zip.Files || folder.Bytes != zip.Bytes {
			t.Errorf("folder %s (%d, %d), zip %s (%d, %d)", folder.Digest, folder.Files, folder.Bytes, zip.Digest, zip.Files, zip.Bytes)
		}
		if !bytes.Equal(pack(t, folder), pack(t, zip)) {
			t.Error("the packages differ")
		}
	}
}

func TestPackageOfChangedZip(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789", 100_000)
	before := []zipped{{name: "a", content: "A"}, {name: "big", content: big}, {name: "l", content: "a", mode: fs.ModeSymlink | 0o777}}
	put := func(b []byte) func(string) error {
		return func(file string) error { return os.WriteFile(file, b, 0o644) }
	}
	tests := map[string]func(file string) error{
		"other content": put(zipBytes(t, zipped{name: "a", content: "B"}, before[1], before[2])),
		"less":          put(zipBytes(t, before[1], before[2])),
		"no zip":        put([]byte("no zip any more")),
		"vanished":      os.Remove,
		"touched":       func(file string) error { return os.Chtimes(file, time.Time{}, time.Unix(1, 0)) },
		"a folder":      func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) },
		"another of the same content": func(file string) error {
			return errors.Join(os.WriteFile(file+".new", zipBytes(t, before...), 0o644), os.Rename(file+".new", file))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := zipFileOf(t, "app.zip", before...)
			tree := mustScan(t, file, ScanOptions{Ignore: true})
			if err := tree.Package("").Write(t.Context(), io.Discard); err != nil {
				t.Fatal(err)
			}
			if err := change(file); err != nil {
				t.Fatal(err)
			}
			err := tree.Package("").Write(t.Context(), io.Discard)
			var changed *archive.ChangedError
			if !errors.As(err, &changed) || changed.Path != file {
				t.Errorf("error %v, want a ChangedError of %s", err, file)
			}
		})
	}
}

// A zip that is written to in the same tick looks unchanged; what it holds
// tells.
func TestPackageOfZipChangedUnseen(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 100_000) // more than is read ahead
	tests := map[string]func(b []byte) []byte{
		"a small file":   func(b []byte) []byte { return bytes.Replace(b, []byte("small content"), []byte("small CONTENT"), 1) },
		"a big file":     func(b []byte) []byte { return bytes.Replace(b, []byte("0123456789"), []byte("012345678X"), 1) },
		"a local header": func(b []byte) []byte { return bytes.Replace(b, []byte("PK\x03\x04"), []byte("XX\x03\x04"), 1) },
		"the directory":  func(b []byte) []byte { return bytes.Replace(b, []byte("PK\x01\x02"), []byte("XX\x01\x02"), 1) },
		"a name":         func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("first"), []byte("other")) },
		// The checksums are right, so only the digest tells.
		"a zip as long": func([]byte) []byte {
			return zipBytes(t, zipped{name: "first", content: "SMALL content"}, zipped{name: "second", content: content})
		},
		"a big file as long": func([]byte) []byte {
			return zipBytes(t, zipped{name: "first", content: "small content"}, zipped{name: "second", content: "X" + content[1:]})
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := zipFileOf(t, "app.zip", zipped{name: "first", content: "small content"}, zipped{name: "second", content: content})
			tree := mustScan(t, file, ScanOptions{Ignore: true})
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, change(bytes.Clone(b)), 0o644); err != nil {
				t.Fatal(err)
			}
			tree.Zip = statOf(t, file)
			err = tree.Package("").Write(t.Context(), io.Discard)
			var changed *archive.ChangedError
			if !errors.As(err, &changed) || changed.Path != file {
				t.Errorf("error %v, want a ChangedError of %s", err, file)
			}
		})
	}
}

// statOf is what a scan keeps of the zip.
func statOf(t testing.TB, file string) *archive.Info {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := archive.StatFile(f)
	if err != nil {
		t.Fatal(err)
	}
	return &info
}

// changing is a context that does something when it is asked whether it has
// ended.
type changing struct {
	context.Context
	do func()
}

func (c *changing) Err() error { c.do(); return c.Context.Err() }

func TestScanOfChangingZip(t *testing.T) {
	t.Parallel()
	file := zipFileOf(t, "app.zip", zipped{name: "a", content: "A"}, zipped{name: "b", content: "B"})
	ctx := &changing{t.Context(), func() { write(t, file, "PK", 0o644) }}
	_, err := Scan(ctx, file, ScanOptions{Ignore: true})
	var changed *archive.ChangedError
	if !errors.As(err, &changed) || changed.Path != file {
		t.Errorf("error %v, want a ChangedError of %s", err, file)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	file = zipFileOf(t, "app.zip", zipped{name: "a", content: "A"}, zipped{name: "b", content: "B"})
	if _, err := Scan(ended, file, ScanOptions{Ignore: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// The cache holds digests of entries under the stat of the zip.
func TestZipCache(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := ScanOptions{Ignore: true, Cache: folder}
	entries := []zipped{{name: ".cfignore", content: "*.log"}, {name: "a", content: "A"}, {name: "b", content: "B"}, {name: "x.log", content: "x"}}
	file := zipFileOf(t, "app.zip", entries...)
	justNow(t, file)
	plain := mustScan(t, file, o)
	if left, _ := filepath.Glob(folder + "/*"); len(loadCache(folder, file, true).old) != 0 {
		t.Errorf("a zip that was written just now is cached: %v", left)
	}
	plant := func() string {
		c := loadCache(folder, file, true)
		planted := fmt.Sprintf("%064x", 7)
		var records []record
		for _, path := range []string{"a", "b"} {
			r := record{info: *statOf(t, file), digest: planted}
			r.info.Path = path
			records = append(records, r)
		}
		if err := os.WriteFile(c.file, encodeCache(parseZipRules("*.log").digest, records), 0o600); err != nil {
			t.Fatal(err)
		}
		return planted
	}
	planted := plant()
	tree := mustScan(t, file, o)
	if tree.Entries[0].Digest != planted || tree.Bytes != plain.Bytes || len(tree.Entries) != 2 {
		t.Errorf("%+v, want the planted digest: the cache is not used", tree.Entries)
	}
	// Any other stat, and everything is read again.
	when := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
	again := mustScan(t, file, o)
	if diff := gocmp.Diff(plain.Entries, again.Entries); diff != "" {
		t.Errorf("after a change of the zip's time:\n%s", diff)
	}
	// A folder where the zip was takes nothing from the zip's cache.
	plant()
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o755)); err != nil {
		t.Fatal(err)
	}
	write(t, file+"/a", "A", 0o755)
	write(t, file+"/manifest.yml", "A", 0o755)
	if got := lines(mustScan(t, file, o)); len(got) != 1 || got[0] != `f "a" 1 x` {
		t.Errorf("a folder in the zip's place: %v", got)
	}
}

// A scan of a zip that has been left alone for long fills the cache.
func TestZipCacheIsFilled(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := zipFileOf(t, "app.zip", zipped{name: "a", content: "A"}, zipped{name: "b", content: "B"}, zipped{name: "l", content: "a", mode: fs.ModeSymlink | 0o777})
	scanAt := func(now time.Time) *Tree {
		z, err := openZip(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer z.file.Close()
		s := &scan{source: file, root: file, o: ScanOptions{Ignore: true, Cache: folder}}
		tree, err := s.zipTree(t.Context(), z, now)
		if err != nil {
			t.Fatal(err)
		}
		s.cache.save(s.rules.digest)
		return tree
	}
	first := scanAt(time.Now().Add(time.Hour))
	if c := loadCache(folder, file, true); len(c.old) != 2 || c.fresh != 0 {
		t.Errorf("%d records, want those of the two files", len(c.old))
	}
	saved, err := os.Stat(cacheFile(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(first, scanAt(time.Now())); diff != "" {
		t.Errorf("with the cache:\n%s", diff)
	}
	if again, err := os.Stat(cacheFile(t, folder)); err != nil || !os.SameFile(saved, again) {
		t.Errorf("the cache was written again though nothing is new (%v)", err)
	}
}

// FuzzScanZip: no bytes make the scan panic or take something in that could
// not be unpacked again; what it takes can be packaged.
func FuzzScanZip(f *testing.F) {
	f.Add(zipBytes(f, zipped{name: "a", content: "a"}, zipped{name: "b/c", content: "ccc", method: zip.Deflate}))
	f.Add(zipBytes(f, zipped{name: "../a", content: "a"}, zipped{name: "b", content: "c", mode: fs.ModeSymlink | 0o777}))
	f.Add(zipBytes(f, zipped{name: ".cfignore", content: "!.git"}, zipped{name: ".git/b", content: "c", flags: 0x800}, zipped{name: "d/", mode: fs.ModeDir}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "app.zip")
		write(t, file, string(b), 0o644)
		tree, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
		if err != nil {
			var bad *ZipError
			var noZip *NotZipError
			var none *NoFilesError
			if !errors.As(err, &bad) && !errors.As(err, &noZip) && !errors.As(err, &none) {
				t.Fatalf("an error of no type: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := tree.Package("").Write(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		stats, err := archive.Extract(t.Context(), &out, root, archive.ExtractOptions{UID: -1, GID: -1})
		if err != nil || stats.Files != tree.Files || stats.Bytes != tree.Bytes {
			t.Errorf("unpacked %+v of %d files and %d bytes: %v", stats, tree.Files, tree.Bytes, err)
		}
	})
}
