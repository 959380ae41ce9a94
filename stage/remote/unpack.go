package remote

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"wadi/stage/archive"
)

// What an archive may hold, unpacked.
const (
	maxUnpacked = 8 << 30 // bytes
	maxEntries  = 500_000
)

// checkArchive looks whether a file is an archive, without unpacking it; it
// removes one that is none.
func checkArchive(file, shown string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := entriesOf(f); err != nil {
		return errors.Join(describe(shown, err), os.Remove(file))
	}
	return nil
}

// unpack puts what is in an archive into dir, and nowhere else. What decides
// is the content, not the name.
func unpack(ctx context.Context, file, shown, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := entriesOf(f)
	if err == nil {
		err = extract(ctx, entries, dir)
	}
	return describe(shown, err)
}

// describe says of which source an error is.
func describe(shown string, err error) error {
	var refused *archive.EntryError
	var limit *archive.LimitError
	var kind *notArchive
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return &SourceError{Shown: shown, Reason: "it is " + kind.is, Fix: kind.fix}
	case errors.As(err, &limit):
		return &SourceError{Shown: shown, Reason: fmt.Sprintf("it holds more than %d %s", limit.Limit, limit.What), Fix: "give a smaller buildpack"}
	case isDamage(err):
		return &SourceError{Shown: shown, Reason: "it is damaged", Err: err, Fix: "build or download it again"}
	case errors.As(err, &refused) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) && !errors.Is(err, syscall.EIO):
		return &SourceError{Shown: shown, Reason: "it is refused", Err: refused, Fix: "do not use it, or pack it again without that"}
	}
	return fmt.Errorf("%s: %w", shown, err)
}

// isDamage reports whether an archive cannot be read as what it claims to be.
func isDamage(err error) bool {
	for _, e := range []error{zip.ErrFormat, zip.ErrChecksum, zip.ErrAlgorithm, gzip.ErrHeader, gzip.ErrChecksum, tar.ErrHeader, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return strings.Contains(fmt.Sprintf("%T", errors.Unwrap(err)), "flate.")
}

// extract unpacks entries as archive.Extract does, with its guards.
func extract(ctx context.Context, entries func(*tar.Writer) error, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := tar.NewWriter(pw)
		err := entries(w)
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	_, err = archive.Extract(ctx, pr, root, archive.ExtractOptions{UID: -1, GID: -1, MaxBytes: maxUnpacked, MaxEntries: maxEntries})
	pr.CloseWithError(errors.New("unpacking ended")) // ends a writer that still waits
	<-done
	return err
}
