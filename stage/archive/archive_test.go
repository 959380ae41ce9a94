package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leave is the options of most tests: nothing changed, no limit.
var leave = ExtractOptions{UID: -1, GID: -1}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

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

// writeDir writes a folder as it is.
func writeDir(ctx context.Context, w io.Writer, dir string) error {
	items, err := Items(ctx, dir)
	if err != nil {
		return err
	}
	return Write(ctx, w, Dir(dir), items)
}

func streamOf(t testing.TB, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeDir(t.Context(), &b, dir); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sample makes a folder with every kind of entry.
func sample(t testing.TB) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a-b"), "dash", 0o644)
	write(t, filepath.Join(dir, "a/x"), "hello", 0o755)
	write(t, filepath.Join(dir, "a/secret"), "s", 0o400)
	write(t, filepath.Join(dir, "a/empty"), "", 0o666)
	write(t, filepath.Join(dir, "b/"+strings.Repeat("long/", 40)+"f"), "deep", 0o644)
	write(t, filepath.Join(dir, "not-utf8-\xff\xfe"), "bytes", 0o644)
	write(t, filepath.Join(dir, "line\nbreak"), "nl", 0o644)
	write(t, filepath.Join(dir, "big"), strings.Repeat("0123456789abcdef", 1<<16), 0o644)
	write(t, filepath.Join(dir, "exactly"), strings.Repeat("x", smallFile), 0o644)
	write(t, filepath.Join(dir, "suid"), "s", 0o755|fs.ModeSetuid)
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "hollow"), 0o755),
		os.Symlink("a/x", filepath.Join(dir, "link")),
		os.Symlink("/etc/passwd", filepath.Join(dir, "absolute")),
		os.Symlink("../../../nowhere", filepath.Join(dir, "dangling")),
		os.Symlink("a", filepath.Join(dir, "dirlink")),
		os.Link(filepath.Join(dir, "a/x"), filepath.Join(dir, "z-hard")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644),
		os.Chtimes(filepath.Join(dir, "a-b"), time.Time{}, time.Unix(1_000_000_000, 987)),
		os.Chmod(filepath.Join(dir, "hollow"), 0o555),
		os.Chtimes(filepath.Join(dir, "a"), time.Time{}, time.Unix(1_100_000_000, 0)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	from := sample(t)
	first := streamOf(t, from)
	if items, err := Items(t.Context(), from); err != nil {
		t.Error(err)
	} else if size, err := Size(items); err != nil || size != int64(len(first)) {
		t.Errorf("Size says %d (%v), the stream has %d bytes", size, err, len(first))
	}
	to := t.TempDir()
	stats, err := Extract(t.Context(), bytes.NewReader(first), openRoot(t, to), leave)
	if err != nil {
		t.Fatal(err)
	}
	if second := streamOf(t, to); !bytes.Equal(first, second) {
		t.Errorf("the stream of what was unpacked differs:\n%s", cmp.Diff(names(t, first), names(t, second)))
	}
	for _, path := range []string{"a-b", "a/x", "a/secret", "a/empty", "not-utf8-\xff\xfe", "line\nbreak", "big", "exactly", "suid", "z-hard"} {
		want, err := os.ReadFile(filepath.Join(from, path))
		got, err2 := os.ReadFile(filepath.Join(to, path))
		if err != nil || err2 != nil || !bytes.Equal(want, got) {
			t.Errorf("%q has another content (%v, %v)", path, err, err2)
		}
	}
	if stats.Files != 15 {
		t.Errorf("Files = %d, want 15: 10 files, 4 links, 1 hard link", stats.Files)
	}
	if want := int64(4 + 5 + 1 + 4 + 5 + 2 + 1<<20 + smallFile + 1); stats.Bytes != want {
		t.Errorf("Bytes = %d, want %d", stats.Bytes, want)
	}
	var x, hard syscall.Stat_t
	if err := errors.Join(syscall.Stat(to+"/a/x", &x), syscall.Stat(to+"/z-hard", &hard)); err != nil {
		t.Fatal(err)
	}
	if x.Ino != hard.Ino {
		t.Error("the hard link became a file of its own")
	}
	info, err := os.Stat(to + "/suid")
	if err != nil || info.Mode() != 0o755 {
		t.Errorf("suid: %v, %v; want 0755", info.Mode(), err)
	}
	if info, err := os.Stat(to + "/a"); err != nil || info.ModTime().Unix() != 1_100_000_000 {
		t.Errorf("time of a folder: %v, %v", info.ModTime(), err)
	}
}

// names renders a stream's headers.
func names(t testing.TB, b []byte) []string {
	t.Helper()
	var out []string
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%q %c %o %d %d %d %d %s", h.Name, h.Typeflag, h.Mode, h.Size, h.ModTime.Unix(), h.Uid, h.Gid, h.Linkname))
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	when := time.Unix(1_000_000_000, 999_999_999)
	write(t, dir+"/b", "b", 0o640)
	write(t, dir+"/a/f", "f", 0o4711)
	write(t, dir+"/a.b", "", 0o600)
	if err := os.Symlink("b", dir+"/l"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(dir+"/b", dir+"/c"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"b", "a/f", "a.b", "a"} {
		if err := os.Chtimes(filepath.Join(dir, n), when, when); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`"a/" 5 755 0 1000000000 0 0 `,
		`"a.b" 0 600 0 1000000000 0 0 `,
		`"a/f" 0 711 1 1000000000 0 0 `,
		`"b" 0 640 1 1000000000 0 0 `,
		`"c" 1 640 0 1000000000 0 0 b`,
		`"l" 2 777 0 315532800 0 0 b`,
	}
	if diff := cmp.Diff(want, names(t, streamOf(t, dir))); diff != "" {
		t.Error(diff)
	}
}

func TestListIsSortedAndComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := dir
		for range 1 + r.IntN(4) {
			p = filepath.Join(p, []string{"a", "a-", "a.b", "ab", "b", "a0", "é", "A"}[r.IntN(8)])
		}
		if os.MkdirAll(filepath.Dir(p), 0o755) == nil {
			_ = os.WriteFile(p, nil, 0o644) // fails where it is a folder: as good
		}
	}
	var want []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, p); rel != "." {
			want = append(want, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	infos, err := List(t.Context(), dir, keepAll)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range infos {
		got = append(got, i.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A folder that becomes a link while the listing goes on is not followed.
func TestListDoesNotFollowSwappedFolder(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside+"/secret", "s", 0o600)
	write(t, dir+"/d/f", "f", 0o644)
	swap := func(path string, _ fs.FileMode) (bool, bool) {
		if _, err := os.Lstat(dir + "/was-d"); path == "d" && err != nil {
			if err := errors.Join(os.Rename(dir+"/d", dir+"/was-d"), os.Symlink(outside, dir+"/d")); err != nil {
				t.Error(err)
			}
		}
		return true, true
	}
	infos, err := List(t.Context(), dir, swap)
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 1 || infos[0].Path != "d" || infos[0].Mode&fs.ModeSymlink == 0 {
		t.Errorf("listed %+v, want the link d alone", infos)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := sample(t)
	_, err := List(ctx, dir, func(string, fs.FileMode) (bool, bool) {
		cancel()
		<-ctx.Done()
		return true, true
	})
	// The cancellation is noticed by a goroutine of its own; a listing that
	// was complete before is as right.
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if err := writeDir(ctx, io.Discard, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("writeDir: error %v, want context.Canceled", err)
	}
	if _, err := Extract(ctx, bytes.NewReader(streamOf(t, dir)), openRoot(t, t.TempDir()), leave); !errors.Is(err, context.Canceled) {
		t.Errorf("Extract: error %v, want context.Canceled", err)
	}
}

func TestWriteChangedFile(t *testing.T) {
	t.Parallel()
	sum := func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	big := strings.Repeat("b", smallFile+10)
	tests := []struct {
		name    string
		content string // on disk; "" = no file
		item    Item
		want    bool // an error
	}{
		{"same", "abc", Item{Size: 3, Digest: sum("abc")}, false},
		{"other content", "abd", Item{Size: 3, Digest: sum("abc")}, true},
		{"grown", "abcd", Item{Size: 3, Digest: sum("abc")}, true},
		{"grown, any content will do", "abcd", Item{Size: 3}, false},
		{"shrunk", "ab", Item{Size: 3, Digest: sum("abc")}, true},
		{"shrunk, any content will do", "ab", Item{Size: 3}, true},
		{"vanished", "", Item{Size: 3}, true},
		{"big, same", big, Item{Size: int64(len(big)), Digest: sum(big)}, false},
		{"big, grown", big + "x", Item{Size: int64(len(big)), Digest: sum(big)}, true},
		{"big, grown, any content will do", big + "x", Item{Size: int64(len(big))}, false},
		{"big, other content", "x" + big[1:], Item{Size: int64(len(big)), Digest: sum(big)}, true},
		{"big, shrunk", "tiny", Item{Size: int64(len(big))}, true},
		{"big, vanished", "", Item{Size: int64(len(big))}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.content != "" {
				write(t, dir+"/d/f", tt.content, 0o644)
			}
			tt.item.Path = "d/f"
			err := Write(t.Context(), io.Discard, Dir(dir), []Item{tt.item})
			var changed *ChangedError
			if errors.As(err, &changed) != tt.want || (err != nil) != tt.want {
				t.Fatalf("error %v, want a ChangedError: %v", err, tt.want)
			}
			if tt.want && changed.Path != "d/f" {
				t.Errorf("Path = %q", changed.Path)
			}
		})
	}
}

// A file that became a link, or a pipe, is not followed and blocks nobody.
func TestWriteReplacedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/target", "abc", 0o644)
	if err := os.Symlink("target", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "pipe"} {
		var changed *ChangedError
		if err := Write(t.Context(), io.Discard, Dir(dir), []Item{{Path: name, Size: 3}}); !errors.As(err, &changed) {
			t.Errorf("%s: error %v, want a ChangedError", name, err)
		}
	}
}

// failAfter is a writer that fails when n bytes have gone through.
type failAfter struct{ n int }

var errFull = errors.New("full")

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailingWriter(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	for _, n := range []int{0, 1, 300_000, 1_000_000} {
		if err := writeDir(t.Context(), &failAfter{n}, dir); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v, want errFull", n, err)
		}
	}
}
