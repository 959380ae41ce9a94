package proc

import (
	"fmt"
	"os"
	"path/filepath"

	"wadi/stage/lifecycle"
)

// CleanContainer empties the folders of a container that processes may write
// to, and hands them to the user that processes run as.
func CleanContainer() error {
	if err := empty(lifecycle.ContainerHome, 0o755, UID, GID); err != nil {
		return err
	}
	return empty(lifecycle.ContainerTmp, os.ModeSticky|0o777, 0, 0)
}

// empty removes what is in dir, not dir itself: something is mounted there.
func empty(dir string, mode os.FileMode, uid, gid int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking at a folder of the container: %w", err)
	}
	for _, e := range entries {
		if err := RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("removing what the last start left: %w", err)
		}
	}
	if err := os.Chmod(dir, mode); err != nil {
		return fmt.Errorf("making a folder of the container writable: %w", err)
	}
	if !Dropping() {
		return nil
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("making a folder of the container writable: %w", err)
	}
	return nil
}
