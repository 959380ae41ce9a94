// Package remove removes folders, whatever is in them.
package remove

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// All is os.RemoveAll, for read-only folders too: Go's module cache is made
// of them, archives may hold some, and without root nothing can be removed
// from one.
func All(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	walkErr := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() { // called before the folder is read
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	if walkErr != nil {
		return errors.Join(err, walkErr)
	}
	return os.RemoveAll(path)
}
