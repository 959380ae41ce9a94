package stage

import (
	"fmt"
	"strings"

	"wadi/stage/archive"
	"wadi/stage/lifecycle"
)

// TooBigError says that a folder holds more than a staging could unpack. A
// file with holes counts with all of its size.
type TooBigError struct {
	Path    string // the folder, as it was given
	Bytes   int64  // of its files
	Limit   int64  // ScanOptions.MaxBytes
	Biggest Entry
	Fix     string // what to leave out, and how
}

func (e *TooBigError) Error() string {
	return fmt.Sprintf("%s holds %s, more than the disk of its staging, %s (%s alone has %s): %s, or raise the app's disk",
		e.Path, lifecycle.FormatSize(e.Bytes), lifecycle.FormatSize(e.Limit), e.Biggest.Path, lifecycle.FormatSize(e.Biggest.Size), e.Fix)
}

// maxDepth is how deep an app may have something: in its droplet the app is
// one folder down.
const maxDepth = archive.MaxDepth - 1

func tooDeep(path string) bool { return archive.TooDeep(lifecycle.AppFolder + "/" + path) }

// TooDeepError says that something lies deeper in a folder than anybody
// unpacks.
type TooDeepError struct {
	Path  string // the folder, as it was given
	Entry string
	Fix   string // as of TooBigError
}

func (e *TooDeepError) Error() string {
	begin := strings.SplitN(e.Entry, "/", 5)
	begin[len(begin)-1] = "…"
	return fmt.Sprintf("%s has files more than %d folders deep (in %s): %s, or move it up",
		e.Path, maxDepth, strings.Join(begin, "/"), e.Fix)
}

// leaveOut says how to make it less.
func (s *scan) leaveOut() string {
	if s.o.Ignore {
		return "list what the app does not need in " + ignoreFile
	}
	return "leave out what it does not need"
}

// checkDepth refuses what a droplet could not hold.
func (s *scan) checkDepth(entries []Entry) error {
	for _, e := range entries {
		if tooDeep(e.Path) {
			return &TooDeepError{Path: s.source, Entry: e.Path, Fix: s.leaveOut()}
		}
	}
	return nil
}

// checkSize refuses entries that are too much together.
func (s *scan) checkSize(entries []Entry) error {
	tooBig := TooBigError{Path: s.source, Limit: s.o.MaxBytes, Fix: s.leaveOut()}
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
