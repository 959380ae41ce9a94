package archive

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Source gives the contents of the files that a stream is made of. It is used
// by several goroutines at once.
type Source interface {
	// Open opens the file at path, an Item's. One that is not there any more
	// is a *ChangedError, and so is, while it is read, one whose source can
	// tell that it is not what it was.
	Open(path string) (io.ReadCloser, error)
}

// Dir is the Source of the files below a folder. A link in a file's place is
// not followed, and a pipe in its place blocks nobody.
type Dir string

// Open opens the file at path below the folder.
func (d Dir) Open(path string) (io.ReadCloser, error) {
	f, err := openFile(string(d), path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// rawFile is a file read with plain system calls: os.File registers each with
// the poller first, which costs as much as reading a small file.
type rawFile int

func (f rawFile) Close() error { return unix.Close(int(f)) }

func (f rawFile) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(f), p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// openFile opens a file below dir that was listed before; a link in its place
// is not followed, and a pipe in its place blocks nobody.
func openFile(dir, path string) (rawFile, error) {
	for {
		fd, err := unix.Open(dir+"/"+path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			return rawFile(fd), nil
		case err == unix.EINTR:
		case vanished(err):
			return -1, &ChangedError{Path: path, Err: err}
		default:
			return -1, &os.PathError{Op: "open", Path: dir + "/" + path, Err: err}
		}
	}
}
