package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Protect takes the folders of a Nomad task away from the user that
// processes run as, if the lifecycle is root. Nomad leaves them writable for
// everybody: an app could put something else in the place of the lifecycle,
// which the next start runs as root, or a link in the place of a log file,
// which Nomad writes as root. allocDir may be "".
func Protect(taskDir, secretsDir, allocDir string) error {
	if !Dropping() {
		return nil
	}
	// what each loses of its mode
	masks := map[string]fs.FileMode{taskDir: 0o022, secretsDir: 0o077}
	if allocDir != "" {
		for _, sub := range []string{".", "logs", "data", "tmp"} {
			masks[filepath.Join(allocDir, sub)] = 0o022
		}
	}
	if parent := filepath.Dir(taskDir); parent != "/" { // else a container: nothing of Nomad's is beside it
		masks[parent] = 0o022
		for _, sub := range []string{"private", "tmp"} {
			masks[filepath.Join(parent, sub)] = 0o077
		}
	}
	for dir, mask := range masks {
		info, err := os.Stat(dir)
		if err == nil {
			err = os.Chown(dir, 0, 0)
		}
		if err == nil {
			err = os.Chmod(dir, info.Mode().Perm()&^mask)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keeping the folders of the task from the app: %w", err)
		}
	}
	// the identity reads every blob
	entries, err := filepath.Glob(filepath.Join(secretsDir, "*"))
	if err != nil {
		return err
	}
	for _, path := range entries {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() {
			err = os.Chmod(path, info.Mode().Perm()&0o700)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keeping the secrets of the task from the app: %w", err)
		}
	}
	return nil
}
