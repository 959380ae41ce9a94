package blob

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// MaxEncodedChunk is the most bytes that a chunk has on the wire and at rest:
// zstd adds 3 bytes for each 128 KiB that it cannot compress, and a head.
const MaxEncodedChunk = MaxChunk + 16<<10

// transfers is how many chunks one upload or download has on the wire at once.
const transfers = 4

// The coders are shared by the process: each keeps tables of several MiB.
var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil,
			// As big as a chunk, or its history is moved for each block; and before
			// the level, which would make blocks of 64 KiB in place of 128.
			zstd.WithWindowSize(MaxChunk),
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderConcurrency(min(transfers, runtime.GOMAXPROCS(0))),
			zstd.WithEncoderCRC(false)) // the name is the checksum
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(transfers),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(8<<20),
			zstd.WithDecoderMaxMemory(MaxChunk))
	})
)

// EncodeChunk appends the compressed form of data to dst.
func EncodeChunk(dst, data []byte) ([]byte, error) {
	enc, err := encoder()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return enc.EncodeAll(data, dst), nil
}

// DecodeChunk decompresses one chunk into dst's memory (from its start, grown
// as needed, never above MaxChunk) and verifies that it is what digest names.
func DecodeChunk(dst, encoded []byte, digest string) ([]byte, error) {
	dec, err := decoder()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	data, err := dec.DecodeAll(encoded, dst[:0])
	if err != nil {
		return nil, fmt.Errorf("chunk %s: decompress %d bytes: %w", digest, len(encoded), err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("chunk %s: it is empty", digest)
	}
	if got := digestOf(data); got != digest {
		return nil, fmt.Errorf("chunk %s: its bytes have the sha256 %s", digest, got)
	}
	return data, nil
}
