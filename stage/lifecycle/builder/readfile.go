package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"wadi/stage/lifecycle/launch"
)

// maxSmall bounds the files that buildpacks and apps tell the builder with, in
// bytes.
const maxSmall = 1 << 20

// readFile reads a file below dir that scripts may have made, or made a link.
// What lies elsewhere the builder does not read itself, for it may be allowed
// more than scripts are: it has it read by a process with their rights.
func (b *build) readFile(ctx context.Context, dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	switch info, err := root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err == nil && info.Mode().Type() != fs.ModeSymlink:
		return readSmall(root, name)
	}
	return b.readLinked(ctx, filepath.Join(dir, name))
}

// readLink prints what a link leads to, as scripts see it: they may have a /tmp
// of their own. Bash is not to source what the app has in BASH_ENV (-p).
const readLink = `[ -e "$1" ] || exit 3; [ -f "$1" ] || exit 4; command -p head -c "$2" -- "$1"`

// readLinked reads what a link leads to, as the user that scripts run as.
func (b *build) readLinked(ctx context.Context, link string) ([]byte, error) {
	content, err := b.capture(ctx, launch.Bash, "-pc", readLink, "readlink", link, strconv.Itoa(maxSmall+1))
	name := filepath.Base(link)
	var ended *StatusError
	switch {
	case errors.As(err, &ended) && ended.Status.ExitStatus() == 3:
		return nil, &os.PathError{Op: "open", Path: link, Err: fs.ErrNotExist}
	case errors.As(err, &ended) && ended.Status.ExitStatus() == 4:
		return nil, notFile(name)
	case err != nil:
		return nil, fmt.Errorf("%s is a link to a file that cannot be read: %w", name, err)
	case len(content) > maxSmall:
		return nil, tooBig(name)
	}
	return content, nil
}

// readSmall reads a file below root. Whoever wrote it may be anybody: a pipe
// would block, and a big one would not fit into the memory of the task.
func readSmall(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notFile(name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(content) > maxSmall {
		err = tooBig(name)
	}
	return content, err
}

func notFile(name string) error { return fmt.Errorf("%s is not a file", name) }

func tooBig(name string) error { return fmt.Errorf("%s has more than %d bytes", name, maxSmall) }
