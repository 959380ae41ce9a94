package blob

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// maxChunks is the most chunks of a list. One is about 1 MiB, so a blob ends
	// at about 64 GiB.
	maxChunks = 1 << 16
	// MaxList is the length in bytes of the longest list.
	MaxList = maxLine + maxChunks*maxLine

	listMagic = "wadi-blob 1"
	maxLine   = 96
)

// List is a blob: its chunks in order. Its canonical bytes are text,
//
//	wadi-blob 1 CHUNKS SIZE
//	SHA256 SIZE
//	…
//
// with a newline after every line, decimal numbers without leading zeros and
// sizes in uncompressed bytes. Every list has just one such form, and its
// sha256 is the blob's digest.
type List struct {
	Chunks []Chunk
}

// Chunk is one chunk of a list: its digest, and its size in uncompressed bytes.
type Chunk struct {
	Digest string
	Size   int
}

// Size is the blob's size in uncompressed bytes.
func (l List) Size() int64 {
	var n int64
	for _, c := range l.Chunks {
		n += int64(c.Size)
	}
	return n
}

// add appends a chunk.
func (l *List) add(digest string, size int) error {
	if len(l.Chunks) == maxChunks {
		return fmt.Errorf("more than %d chunks (%d bytes) are too much for one blob", maxChunks, l.Size())
	}
	l.Chunks = append(l.Chunks, Chunk{Digest: digest, Size: size})
	return nil
}

// Encode returns the canonical bytes.
func (l List) Encode() []byte {
	b := make([]byte, 0, (1+len(l.Chunks))*maxLine)
	b = fmt.Appendf(b, "%s %d %d\n", listMagic, len(l.Chunks), l.Size())
	for _, c := range l.Chunks {
		b = append(b, c.Digest...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(c.Size), 10)
		b = append(b, '\n')
	}
	return b
}

// Blob says what the list is the list of.
func (l List) Blob() Blob {
	return Blob{Digest: digestOf(l.Encode()), Size: l.Size(), Chunks: len(l.Chunks)}
}

// ParseList reads a list and refuses everything but the canonical form. It
// reads no more than MaxList bytes and one to see that nothing follows.
func ParseList(r io.Reader) (List, error) {
	br := bufio.NewReader(r)
	count, size, err := parseListHead(br)
	if err != nil {
		return List{}, err
	}
	// The count is only a claim: memory follows what is really there.
	l := List{Chunks: make([]Chunk, 0, min(count, 1024))}
	for i := range count {
		c, err := parseListLine(br)
		if err != nil {
			return List{}, fmt.Errorf("list of a blob: chunk %d of %d: %w", i+1, count, err)
		}
		l.Chunks = append(l.Chunks, c)
	}
	if l.Size() != size {
		return List{}, fmt.Errorf("list of a blob: its chunks are %d bytes, its head says %d", l.Size(), size)
	}
	switch _, err := br.ReadByte(); {
	case errors.Is(err, io.EOF):
		return l, nil
	case err != nil:
		return List{}, fmt.Errorf("list of a blob: %w", err)
	default:
		return List{}, errors.New("list of a blob: something follows its last chunk")
	}
}

func parseListHead(br *bufio.Reader) (count int, size int64, err error) {
	line, err := readLine(br)
	if err != nil {
		return 0, 0, fmt.Errorf("list of a blob: head: %w", err)
	}
	rest, ok := strings.CutPrefix(line, listMagic+" ")
	if !ok {
		return 0, 0, fmt.Errorf("list of a blob: it starts with %q, not with %q", line, listMagic)
	}
	n, s, ok := strings.Cut(rest, " ")
	if !ok {
		return 0, 0, fmt.Errorf("list of a blob: head %q has no size", line)
	}
	chunks, err := parseDecimal(n, maxChunks)
	if err != nil {
		return 0, 0, fmt.Errorf("list of a blob: number of chunks: %w", err)
	}
	if size, err = parseDecimal(s, maxChunks*MaxChunk); err != nil {
		return 0, 0, fmt.Errorf("list of a blob: size: %w", err)
	}
	return int(chunks), size, nil
}

func parseListLine(br *bufio.Reader) (Chunk, error) {
	line, err := readLine(br)
	if err != nil {
		return Chunk{}, err
	}
	digest, s, ok := strings.Cut(line, " ")
	if !ok || !ValidDigest(digest) {
		return Chunk{}, fmt.Errorf("%q is not a sha256 and a size", line)
	}
	size, err := parseDecimal(s, MaxChunk)
	if err != nil {
		return Chunk{}, fmt.Errorf("size: %w", err)
	}
	if size == 0 {
		return Chunk{}, errors.New("size: 0 bytes are no chunk")
	}
	return Chunk{Digest: digest, Size: int(size)}, nil
}

// readLine returns the next line without its newline, which must be there.
func readLine(br *bufio.Reader) (string, error) {
	line, err := br.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the list is cut off: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine:
		return "", fmt.Errorf("a line has more than %d bytes", maxLine)
	case err != nil:
		return "", err
	}
	return string(bytes.TrimSuffix(line, []byte("\n"))), nil
}

// parseDecimal reads the one decimal form of a number from 0 to max.
func parseDecimal(s string, max int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s || n < 0 || n > max {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, max)
	}
	return n, nil
}
