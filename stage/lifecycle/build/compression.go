package build

import (
	"errors"
	"io"
	"runtime"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression is how an output is compressed; "" = what its name says.
type compression string

const (
	bySuffix compression = ""
	asGzip   compression = "gzip"
	asZstd   compression = "zstd"
	asNone   compression = "none"
)

// set reads the flag.
func (c *compression) set(text string) error {
	switch compression(text) {
	case asGzip, asZstd, asNone:
		*c = compression(text)
		return nil
	}
	return errors.New("it is gzip, zstd or none")
}

// of says how the file is compressed.
func (c compression) of(file string) compression {
	switch {
	case c != bySuffix:
		return c
	case strings.HasSuffix(file, ".zst"), strings.HasSuffix(file, ".tzst"):
		return asZstd
	case strings.HasSuffix(file, ".tar"):
		return asNone
	}
	return asGzip
}

// writer compresses what is written to it into w; it has to be closed.
func (c compression) writer(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case asZstd:
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
	case asNone:
		return nopCloser{w}, nil
	}
	return gzip.NewWriterLevel(w, gzip.DefaultCompression)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
