package stage

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"

	"wadi/stage/archive"
)

// writeZipPackage writes the items, entries of the zip that info was of when
// it was scanned. Whatever shows that it is another one now is an
// *archive.ChangedError that names the zip.
func writeZipPackage(ctx context.Context, w io.Writer, info archive.Info, items []archive.Item) error {
	z, err := openZip(info.Path, &info)
	if errors.Is(err, fs.ErrNotExist) {
		return &archive.ChangedError{Path: info.Path, Err: err}
	}
	if err != nil {
		return err
	}
	defer z.file.Close()
	source := zipSource{}
	for _, f := range z.reader.File {
		if e, reason := describeEntry(f); reason == "" && e.Type == File {
			source[e.Path] = f
		}
	}
	err = archive.Write(ctx, w, source, items)
	var changed *archive.ChangedError
	if errors.As(err, &changed) {
		return &archive.ChangedError{Path: info.Path, Err: changed.Err}
	}
	return err
}

// zipSource is the files of a zip by their path.
type zipSource map[string]*zip.File

func (s zipSource) Open(path string) (io.ReadCloser, error) {
	f, ok := s[path]
	if !ok {
		return nil, &archive.ChangedError{Path: path}
	}
	r, err := f.Open()
	if err != nil {
		return nil, changedContent(path, err)
	}
	return &zipReader{ReadCloser: r, path: path}, nil
}

// zipReader reads an entry that could be read when the zip was scanned.
type zipReader struct {
	io.ReadCloser
	path string
}

func (r *zipReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = changedContent(r.path, err)
	}
	return n, err
}

// changedContent makes the error for an entry that could be read before: it is
// another one now, unless the file system is at fault.
func changedContent(path string, err error) error {
	if isReadError(err) {
		return err
	}
	return &archive.ChangedError{Path: path, Err: err}
}
