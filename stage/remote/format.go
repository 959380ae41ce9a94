package remote

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
)

// entriesOf looks at how a file begins, and opens it as what it is.
func entriesOf(f *os.File) (func(*tar.Writer) error, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return openEntries(f, head[:n])
}

// notArchive is a file of another kind.
type notArchive struct{ is, fix string }

func (e *notArchive) Error() string { return e.is }

const fixPack = "pack it as zip or tgz"

// openEntries writes what is in an archive as a tar stream.
func openEntries(f *os.File, head []byte) (func(*tar.Writer) error, error) {
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case starts("PK\x03\x04"):
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		r, err := zip.NewReader(f, info.Size())
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked at when they are unpacked
			return nil, err
		}
		return func(w *tar.Writer) error { return writeZip(w, r) }, nil
	case starts("\x1f\x8b"):
		r, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		return func(w *tar.Writer) error { return writeTar(w, r) }, nil
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return func(w *tar.Writer) error { return writeTar(w, f) }, nil
	case len(head) == 0:
		return nil, &notArchive{"an empty file", "build or download it again"}
	case starts("\xfd7zXZ\x00"):
		return nil, &notArchive{"an xz file", fixPack}
	case starts("BZh"):
		return nil, &notArchive{"a bzip2 file", fixPack}
	case starts("\x28\xb5\x2f\xfd"):
		return nil, &notArchive{"a zstd file", fixPack}
	case starts("version https://git-lfs"):
		return nil, &notArchive{"a pointer of Git LFS, not the file itself", "give the address of the file"}
	case bytes.HasPrefix(bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf")), []byte("<")):
		return nil, &notArchive{"a web page, not an archive", "check the address, and whether it takes a login"}
	}
	return nil, &notArchive{"neither a zip nor a tar file", "check the address; a repository does not end in .zip, .tgz, .tar.gz or .tar"}
}
