package blob

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const (
	digestA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // "a"
	digestB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" // "b"
)

// The form of the list names every blob that there is: it cannot change.
func TestListIsPinned(t *testing.T) {
	t.Parallel()
	l := List{Chunks: []Chunk{{digestA, 1}, {digestB, MaxChunk}, {digestA, 1}}}
	want := "wadi-blob 1 3 2097154\n" +
		digestA + " 1\n" + digestB + " 2097152\n" + digestA + " 1\n"
	if diff := cmp.Diff(want, string(l.Encode())); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}
	if got, want := l.Blob(), (Blob{Digest: digestOf([]byte(want)), Size: 2097154, Chunks: 3}); got != want {
		t.Errorf("blob = %+v, want %+v", got, want)
	}
	back, err := ParseList(iotest.OneByteReader(bytes.NewReader(l.Encode())))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
	if got := string(List{}.Encode()); got != "wadi-blob 1 0 0\n" {
		t.Errorf("the empty blob is %q", got)
	}
}

func TestParseListRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ list, want string }{
		"nothing":            {"", "head: the list is cut off"},
		"other magic":        {"wadi-blob 2 0 0\n", "not with"},
		"no size":            {"wadi-blob 1 0\n", "has no size"},
		"leading zero":       {"wadi-blob 1 00 0\n", "is not a number"},
		"plus":               {"wadi-blob 1 +0 0\n", "is not a number"},
		"negative":           {"wadi-blob 1 -1 0\n", "is not a number"},
		"too many":           {"wadi-blob 1 65537 0\n", "from 0 to 65536"},
		"beyond int64":       {"wadi-blob 1 99999999999999999999 0\n", "is not a number"},
		"three numbers":      {"wadi-blob 1 0 0 0\n", "is not a number"},
		"carriage return":    {"wadi-blob 1 0 0\r\n", "is not a number"},
		"cut in a chunk":     {"wadi-blob 1 1 1\n" + digestA, "chunk 1 of 1: the list is cut off"},
		"cut after a chunk":  {"wadi-blob 1 2 2\n" + digestA + " 1\n", "chunk 2 of 2: the list is cut off"},
		"upper case":         {"wadi-blob 1 1 1\n" + strings.ToUpper(digestA) + " 1\n", "is not a sha256"},
		"short digest":       {"wadi-blob 1 1 1\n" + digestA[1:] + " 1\n", "is not a sha256"},
		"empty chunk":        {"wadi-blob 1 1 0\n" + digestA + " 0\n", "0 bytes are no chunk"},
		"big chunk":          {"wadi-blob 1 1 2097153\n" + digestA + " 2097153\n", "from 0 to 2097152"},
		"sizes don't add up": {"wadi-blob 1 1 2\n" + digestA + " 1\n", "its chunks are 1 bytes, its head says 2"},
		"more than it says":  {"wadi-blob 1 0 0\n" + digestA + " 1\n", "something follows"},
		"long line":          {"wadi-blob 1 0 0" + strings.Repeat(" ", 200) + "\n", "more than 96 bytes"},
		"endless line":       {strings.Repeat("x", 1<<16), "more than 96 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseList(strings.NewReader(c.list))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestParseListPassesReadErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l := List{Chunks: []Chunk{{digestA, 1}}}.Encode()
	for n := range l {
		_, err := ParseList(io.MultiReader(bytes.NewReader(l[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: error = %v", n, err)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte("wadi-blob 1 0 0\n"))
	f.Add(List{Chunks: []Chunk{{digestA, 1}, {digestB, MaxChunk}}}.Encode())
	f.Add([]byte("wadi-blob 1 65536 1\n" + digestA + " 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseList(bytes.NewReader(data))
		if err != nil {
			return
		}
		if got := l.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%q was accepted, but its canonical form is %q", data, got)
		}
	})
}
