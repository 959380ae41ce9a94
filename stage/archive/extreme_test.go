package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sparse is a stream with one file of size bytes, of which it holds four: the
// old GNU form, which the standard library reads and does not write.
func sparse(t testing.TB, name string, size int64) []byte {
	t.Helper()
	stream := makeTar(t, tar.Header{Typeflag: tar.TypeReg, Name: name, Format: tar.FormatGNU})
	h := stream[:512]
	h[156] = tar.TypeGNUSparse
	octal := func(at int, n int64) { copy(h[at:], fmt.Sprintf("%011o\x00", n)) }
	octal(386, size-4) // where the four bytes stand, and how many they are
	octal(398, 4)
	octal(483, size)
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return stream
}

// A file with holes counts with all of its size, before a byte is written.
func TestExtractFileWithHoles(t *testing.T) {
	t.Parallel()
	const most = 8<<30 - 1 // that the form can say
	o := leave
	o.MaxBytes = 1 << 20
	top := t.TempDir()
	_, err := Extract(t.Context(), bytes.NewReader(sparse(t, "holes", most)), openRoot(t, top), o)
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Entry != "holes" || limit.What != "bytes" {
		t.Errorf("error %v, want a LimitError", err)
	}
	if left := snapshot(t, top); len(left) != 1 {
		t.Errorf("it left %q", left)
	}
	if _, err := Extract(t.Context(), bytes.NewReader(sparse(t, "holes", 4096)), openRoot(t, top), o); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(top + "/holes")
	if want := strings.Repeat("\x00", 4092) + "data"; err != nil || string(content) != want {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// Names that only look alike are files of their own, and a name need not be
// text.
func TestExtractOddNames(t *testing.T) {
	t.Parallel()
	names := []string{"README", "Readme", "readme", "\u00e9", "e\u0301", "\xff\xfe", "a\nb", "-rf", " ", "...", "..a", "a..", "con", "a:b", `a\b`, "~", "$HOME", strings.Repeat("n", 255)}
	var entries []tar.Header
	want := []string{`"" drwxr-xr-x`}
	for _, name := range names {
		entries = append(entries, reg(name))
		want = append(want, fmt.Sprintf("%q -rw-r--r-- \"data\" 1", "/"+name))
	}
	top := t.TempDir()
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(t.Context(), bytes.NewReader(makeTar(t, entries...)), openRoot(t, top), leave); err != nil {
		t.Fatal(err)
	}
	sorted := cmp.Transformer("set", func(lines []string) map[string]bool {
		set := map[string]bool{}
		for _, l := range lines {
			set[l] = true
		}
		return set
	})
	if diff := cmp.Diff(want, snapshot(t, top), sorted); diff != "" {
		t.Error(diff)
	}
	again := t.TempDir()
	if _, err := Extract(t.Context(), bytes.NewReader(streamOf(t, top)), openRoot(t, again), leave); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot(t, top)[1:], snapshot(t, again)[1:]); diff != "" {
		t.Error(diff)
	}
}

func TestExtractLongNames(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]tar.Header{
		"a name longer than a folder takes":  reg(strings.Repeat("n", 256)),
		"a path longer than the kernel's":    reg(strings.Repeat(strings.Repeat("n", 250)+"/", 260) + "f"),
		"a link longer than a file system's": sym("l", strings.Repeat("t", 1<<19)),
	} {
		if _, err := Extract(t.Context(), bytes.NewReader(makeTar(t, entry)), openRoot(t, t.TempDir()), leave); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Who packs asks by the name in the folder, who unpacks by the one in the
// stream, where a folder's ends in a slash: both mean the same depth.
func TestExtractDeepFolder(t *testing.T) {
	t.Parallel()
	for depth, refused := range map[int]bool{MaxDepth: false, MaxDepth + 1: true} {
		name := strings.Repeat("d/", depth) + "d"
		for _, entry := range []tar.Header{reg(name), dir(name + "/")} {
			_, err := Extract(t.Context(), bytes.NewReader(makeTar(t, entry)), openRoot(t, t.TempDir()), leave)
			if (err != nil) != refused || TooDeep(name) != refused {
				t.Errorf("%d folders deep, type %c: %v; TooDeep says %t", depth, entry.Typeflag, err, TooDeep(name))
			}
		}
	}
}
