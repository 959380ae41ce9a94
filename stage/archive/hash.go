package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Hashed is the content digest of a file, and what the file system said of
// the file when its content was read.
type Hashed struct {
	Info
	Digest string // hex sha256
	// Stable is false where the file was written to meanwhile: the digest
	// may be of a content that the file never had as a whole.
	Stable bool
}

// HashFile hashes the file at path below dir, without following a link in its
// place. Size is the number of bytes that were hashed. A file that is not
// there (any more) is a *ChangedError. buf is scratch space, 64 KiB or so.
func HashFile(ctx context.Context, dir, path string, buf []byte) (Hashed, error) {
	f, err := openFile(dir, path)
	if err != nil {
		return Hashed{}, err
	}
	defer f.Close()
	before, err := f.stat(path)
	if err != nil {
		return Hashed{}, err
	}
	if !before.Mode.IsRegular() {
		return Hashed{}, &ChangedError{Path: path}
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, &ctxReader{ctx, f}, buf)
	if err != nil {
		return Hashed{}, fmt.Errorf("cannot read %q: %w", path, err)
	}
	after, err := f.stat(path)
	if err != nil {
		return Hashed{}, err
	}
	stable := after == before && n == before.Size
	after.Size = n
	return Hashed{Info: after, Digest: hex.EncodeToString(sum.Sum(nil)), Stable: stable}, nil
}

// StatFile says what the file system says of an open file. Path is the name
// by which it was opened.
func StatFile(f *os.File) (Info, error) {
	var st unix.Stat_t
	var statErr error
	conn, err := f.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), &st) })
	}
	if err := errors.Join(err, statErr); err != nil {
		return Info{}, fmt.Errorf("cannot stat %q: %w", f.Name(), err)
	}
	return infoOf(f.Name(), &st), nil
}

func (f rawFile) stat(path string) (Info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f), &st); err != nil {
		return Info{}, fmt.Errorf("cannot stat %q: %w", path, err)
	}
	return infoOf(path, &st), nil
}
