package proc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/term"
)

// Give hands a pipe or a terminal to the user that processes run as, if the
// lifecycle is root: without it they could write to it but not open
// /dev/stdout, as `> /dev/stderr` in a script does. Other kinds of files are
// left alone.
func Give(f *os.File) error { return GiveTo(f, &User{UID: UID, GID: GID}) }

// GiveTo does so for a user of an image.
func GiveTo(f *os.File, u *User) error {
	if !Dropping() {
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

// MakeDir makes a folder (mode 0755) that belongs to the user that processes
// run as. Its parent exists.
func MakeDir(path string) error { return makeDir(path, Dropping()) }

func makeDir(path string, give bool) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o755); err != nil { // whatever the umask
		return err
	}
	if give {
		return os.Chown(path, UID, GID)
	}
	return nil
}

// CheckTraversable says whether the user that processes run as can reach
// dir: an agent's data folder of mode 0700 would make every app fail with an
// error that names the wrong thing.
func CheckTraversable(dir string) error {
	if !Dropping() {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("looking at the folders above the app: %w", err)
		}
		if !traversable(info) {
			return fmt.Errorf("user %d, as whom apps run, cannot enter %s (mode %04o): run `chmod o+x %s` on this node", UID, dir, info.Mode().Perm(), dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func traversable(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && owner.Uid == UID:
		return mode&0o100 != 0
	case ok && owner.Gid == GID:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
