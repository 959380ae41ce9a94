package proc

import (
	"fmt"
	"os"
	"path/filepath"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
)

// CleanContainer empties the folders of a container that processes may write
// to, and hands them to u, as whom these run (nil = whoever the lifecycle is).
func CleanContainer(u *User) error {
	if err := empty(lifecycle.ContainerHome, 0o755); err != nil {
		return err
	}
	if err := empty(lifecycle.ContainerTmp, os.ModeSticky|0o777); err != nil || u == nil {
		return err
	}
	err := os.Chown(lifecycle.ContainerHome, u.UID, u.GID)
	if err == nil {
		err = os.Chown(lifecycle.ContainerTmp, 0, 0)
	}
	if err != nil {
		return fmt.Errorf("making a folder of the container writable: %w", err)
	}
	return nil
}

// empty removes what is in dir, not dir itself: something is mounted there.
func empty(dir string, mode os.FileMode) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking at a folder of the container: %w", err)
	}
	for _, e := range entries {
		if err := remove.All(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("removing what the last start left: %w", err)
		}
	}
	if err := os.Chmod(dir, mode); err != nil {
		return fmt.Errorf("making a folder of the container writable: %w", err)
	}
	return nil
}
