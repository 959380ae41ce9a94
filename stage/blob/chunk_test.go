package blob

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestChunkRoundTrip(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]io.Reader{
		"one byte":       strings.NewReader("x"),
		"largest, noise": noise(1, MaxChunk),
		"largest, zeros": io.LimitReader(zeros{}, MaxChunk),
		"text":           strings.NewReader(strings.Repeat("wadi ", 1000)),
	} {
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := EncodeChunk(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) > MaxEncodedChunk {
			t.Errorf("%s: %d bytes on the wire, more than %d", name, len(encoded), MaxEncodedChunk)
		}
		back, err := DecodeChunk(nil, encoded, digestOf(data))
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%s: came back as %d bytes, error %v", name, len(back), err)
		}
	}
}

func TestDecodeChunkRefuses(t *testing.T) {
	t.Parallel()
	encode := func(data []byte) []byte {
		encoded, err := EncodeChunk(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	bomb := new(bytes.Buffer)
	w, err := zstd.NewWriter(bomb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a := encode([]byte("a"))
	for name, c := range map[string]struct {
		encoded []byte
		want    string
	}{
		"other content":  {encode([]byte("b")), "its bytes have the sha256 " + digestB},
		"not compressed": {[]byte("a"), "decompress 1 bytes"},
		"cut off":        {a[:len(a)-1], "decompress"},
		"nothing":        {nil, "it is empty"},
		"a bomb":         {bomb.Bytes(), "decompress"},
		"two frames":     {append(encode([]byte("a")), a...), "its bytes have the sha256"},
		"one too large":  {encode(make([]byte, MaxChunk+1)), "decompress"},
	} {
		_, err := DecodeChunk(nil, c.encoded, digestA)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), digestA) {
			t.Errorf("%s: error = %v, want one that names the chunk and %q", name, err, c.want)
		}
	}
}
