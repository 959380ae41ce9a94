package stage

import (
	"fmt"

	"wadi/stage/lifecycle"
)

// TooBigError says that a folder holds more than a staging could unpack. A
// file with holes counts with all of its size.
type TooBigError struct {
	Path    string // the folder, as it was given
	Bytes   int64  // of its files
	Limit   int64  // ScanOptions.MaxBytes
	Biggest Entry
}

func (e *TooBigError) Error() string {
	return fmt.Sprintf("%s holds %s, more than the disk of its staging, %s (%s alone has %s): list what the app does not need in %s, or raise its disk",
		e.Path, lifecycle.FormatSize(e.Bytes), lifecycle.FormatSize(e.Limit), e.Biggest.Path, lifecycle.FormatSize(e.Biggest.Size), ignoreFile)
}

// checkSize refuses entries that are too much together.
func (s *scan) checkSize(entries []Entry) error {
	tooBig := TooBigError{Path: s.source, Limit: s.o.MaxBytes}
	for _, e := range entries {
		tooBig.Bytes += e.Size
		if e.Size > tooBig.Biggest.Size {
			tooBig.Biggest = e
		}
	}
	if s.o.MaxBytes > 0 && tooBig.Bytes > s.o.MaxBytes {
		return &tooBig
	}
	return nil
}
