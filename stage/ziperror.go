package stage

import (
	"bytes"
	"fmt"
)

// NotZipError says that an app's path is a file, and not one that can be
// pushed.
type NotZipError struct {
	Path string
	Kind string // what it is, with its article: "a gzip file"
	Fix  string // what to do
}

func (e *NotZipError) Error() string {
	return fmt.Sprintf("%s is %s: path may be a folder, or a zip, jar or war file: %s", e.Path, e.Kind, e.Fix)
}

// ZipError says why a zip, or one of its entries, is refused.
type ZipError struct {
	Zip    string // absolute path
	Entry  string // the name as it stands in the zip; "" = the zip itself is at fault
	Reason string
	Fix    string // what to do
	Err    error  // what reading said, nil where nothing was read
}

func (e *ZipError) Error() string {
	at := e.Zip
	if e.Entry != "" {
		at = fmt.Sprintf("%s: entry %q", e.Zip, e.Entry)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %s (%v): %s", at, e.Reason, e.Err, e.Fix)
	}
	return fmt.Sprintf("%s: %s: %s", at, e.Reason, e.Fix)
}

func (e *ZipError) Unwrap() error { return e.Err }

// What to do about zips that are refused.
const (
	fixBuildAgain = "build or download it again"
	fixPackAgain  = "pack it again without that, or give the folder that it was made from"
	fixUnpack     = "unpack it and give the folder"
)

// magics are the first bytes of what people take for a zip.
var magics = []struct {
	at    int
	bytes string
	kind  string
}{
	{0, "\x1f\x8b", "a gzip file"},
	{0, "\x28\xb5\x2f\xfd", "a zstd file"},
	{0, "BZh", "a bzip2 file"},
	{0, "\xfd7zXZ\x00", "an xz file"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z file"},
	{0, "Rar!\x1a\x07", "a rar file"},
	{257, "ustar", "a tar file"},
}

// magicBytes is how much of a file's start noZip needs, in bytes.
const magicBytes = 512

// noZip makes the error for a file that does not read as a zip, from its first
// bytes; err is what reading it said.
func noZip(path string, head []byte, err error) error {
	for _, m := range magics {
		if len(head) > m.at && bytes.HasPrefix(head[m.at:], []byte(m.bytes)) {
			return &NotZipError{Path: path, Kind: m.kind, Fix: fixUnpack}
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return &ZipError{Zip: path, Reason: "it starts as a zip, but its directory is not there or damaged", Fix: fixBuildAgain, Err: err}
	case len(head) == 0:
		return &NotZipError{Path: path, Kind: "an empty file", Fix: fixBuildAgain}
	}
	return &NotZipError{Path: path, Kind: "a file, and no zip", Fix: "give the folder that holds it"}
}
