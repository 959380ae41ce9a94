package blob

import (
	"errors"
	"fmt"
	"io"

	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
	_ "github.com/PlakarKorp/go-cdc-chunkers/chunkers/fastcdc" // registers splitAlgorithm
)

// The chunker's parameters are part of the format: with others, the same
// bytes would be other chunks and nothing would be found again. They are
// FastCDC's with normalisation level 2 and its unkeyed table, so that
// boundaries are the same in every process and on every machine. The smallest
// chunk is half the average, as restic's: no end is looked for before it, which
// is half of the work. The largest chunk is twice the average (not four times)
// because readers hold several in the memory of the app's own task; one chunk
// in 60 is cut by it.
const (
	splitAlgorithm = "fastcdc-v1.0.0"

	minChunk     = 512 << 10
	averageChunk = 1 << 20
	// MaxChunk is the largest chunk in uncompressed bytes.
	MaxChunk = 2 << 20
)

// split calls each with every chunk of r in order. The slice is valid during
// the call only.
func split(r io.Reader, each func(data []byte) error) error {
	chunker, err := chunkers.NewChunker(splitAlgorithm, r, &chunkers.ChunkerOpts{
		MinSize: minChunk, NormalSize: averageChunk, MaxSize: MaxChunk,
	})
	if err != nil {
		return fmt.Errorf("chunker: %w", err)
	}
	for {
		// The last chunk may come together with io.EOF.
		data, err := chunker.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(data) > 0 {
			if err := each(data); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}
