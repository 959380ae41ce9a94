package blob

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// noise is n bytes that are the same in every run and don't compress.
func noise(seed byte, n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

func chunksOf(t *testing.T, r io.Reader) []Chunk {
	t.Helper()
	var all []Chunk
	if err := split(r, func(data []byte) error {
		all = append(all, Chunk{digestOf(data), len(data)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Boundaries are part of the format: if a newer chunker or another machine
// cuts elsewhere, nothing that is stored is found again.
func TestBoundariesArePinned(t *testing.T) {
	t.Parallel()
	var sizes []int
	all := chunksOf(t, noise(1, 8<<20))
	for _, c := range all {
		sizes = append(sizes, c.Size)
	}
	want := []int{1372156, 1285071, 1377263, 1559641, 1584075, 1210402}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Errorf("chunk sizes (-want +got):\n%s", diff)
	}
	b := List{all}.Blob()
	if want := (Blob{Digest: "66dbde7472bb1a2e0de1f5af87d9d875633298759c1934dfd567423dab1a7d06", Size: 8 << 20, Chunks: 6}); b != want {
		t.Errorf("blob = %+v, want %+v", b, want)
	}
}

func TestBoundariesDontDependOnReads(t *testing.T) {
	t.Parallel()
	data, err := io.ReadAll(noise(2, 5<<20))
	if err != nil {
		t.Fatal(err)
	}
	want := chunksOf(t, bytes.NewReader(data))
	for name, r := range map[string]io.Reader{
		"halves":         iotest.HalfReader(bytes.NewReader(data)),
		"data with EOF":  iotest.DataErrReader(bytes.NewReader(data)),
		"odd pieces":     &pieces{bytes.NewReader(data), 8191},
		"some are empty": &pieces{bytes.NewReader(data), 0},
	} {
		if diff := cmp.Diff(want, chunksOf(t, r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// pieces reads n bytes at a time; n = 0 alternates nothing with much.
type pieces struct {
	r io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	switch p.n {
	case 0:
		p.n = -1
		return 0, nil
	case -1:
		p.n = 0
		return p.r.Read(b[:min(len(b), 100_000)])
	default:
		return p.r.Read(b[:min(len(b), p.n)])
	}
}

func TestChunkSizes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    io.Reader
		size int64
	}{
		"nothing":           {strings.NewReader(""), 0},
		"one byte":          {strings.NewReader("x"), 1},
		"the smallest":      {noise(3, minChunk), minChunk},
		"one more":          {noise(3, minChunk+1), minChunk + 1},
		"zeros":             {io.LimitReader(zeros{}, 5<<20), 5 << 20},
		"exactly one large": {io.LimitReader(zeros{}, MaxChunk), MaxChunk},
	} {
		all := chunksOf(t, c.r)
		if got := (List{all}).Size(); got != c.size {
			t.Errorf("%s: the chunks have %d bytes, want %d", name, got, c.size)
		}
		for i, chunk := range all {
			last := i == len(all)-1
			if chunk.Size < 1 || chunk.Size > MaxChunk || !last && chunk.Size < minChunk {
				t.Errorf("%s: chunk %d of %d has %d bytes", name, i+1, len(all), chunk.Size)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestSplitPassesReadErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	err := split(io.MultiReader(noise(4, 3<<20), iotest.ErrReader(broken)), func([]byte) error { return nil })
	if !errors.Is(err, broken) {
		t.Errorf("error = %v, want the reader's", err)
	}
}
