package proc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/term"
)

// Give hands a pipe or a terminal to u, as whom processes run: without it
// they could write to it but not open /dev/stdout, as `> /dev/stderr` in a
// script does. Other kinds of files are left alone, and all where u is nil.
func Give(f *os.File, u *User) error {
	if u == nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at the output of the task: %w", err)
	}
	if info.Mode()&fs.ModeNamedPipe == 0 && !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	if err := f.Chown(u.UID, u.GID); err != nil {
		return fmt.Errorf("giving the output of the task to user %d: %w", u.UID, err)
	}
	return nil
}

// MakeDir makes a folder (mode 0755) that belongs to u, nil = whoever the
// lifecycle is. Its parent exists.
func MakeDir(path string, u *User) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o755); err != nil { // whatever the umask
		return err
	}
	if u != nil {
		return os.Chown(path, u.UID, u.GID)
	}
	return nil
}

// CheckTraversable says whether u, as whom processes run, can reach dir: an
// agent's data folder of mode 0700 would make every app fail with an error
// that names the wrong thing.
func CheckTraversable(dir string, u *User) error {
	if u == nil {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("looking at the folders above the app: %w", err)
		}
		if !u.enters(info) {
			return fmt.Errorf("user %d, as whom this app runs, cannot enter %s (mode %04o): run `chmod o+x %s` on this node", u.UID, dir, info.Mode().Perm(), dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (u *User) enters(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && int(owner.Uid) == u.UID:
		return mode&0o100 != 0
	case ok && int(owner.Gid) == u.GID:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
