package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// hideAllocations leaves this thread, of the folder in which Nomad has those
// of all allocations, a task's own dir (ID/TASK/local in it) alone. Its thread
// has to be locked, and does not become another's again: the rest of the
// program goes on to see everything. What private has takes the place of the
// node's own, unless it is "".
func hideAllocations(dir, private string) error {
	err := hideAround(dir, private)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("hiding the folders of other allocations: %w: the Nomad agent is root and may not mount: give it CAP_SYS_ADMIN, or run it as another user", err)
	case err != nil:
		return fmt.Errorf("hiding the folders of other allocations: %w", err)
	}
	return nil
}

func hideAround(dir, private string) error {
	working, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	// What is unmounted on the node goes here too, but nothing goes the other
	// way.
	if err := mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	own, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(own)
	if private != "" {
		if err := mountPrivate(private); err != nil {
			return err
		}
	}
	all := filepath.Dir(filepath.Dir(filepath.Dir(dir)))
	if err := mount("tmpfs", all, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755,size=64k"); err != nil {
		return err
	}
	task := filepath.Dir(dir)
	for _, path := range []string{filepath.Dir(task), task, dir} {
		if err := MakeDir(path, nil); err != nil {
			return err
		}
	}
	if err := mount(fdPath(own), dir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return os.Chdir(working) // by its path: it is still where it was before
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return &os.PathError{Op: "mount", Path: target, Err: err}
	}
	return nil
}
