package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Protect takes the folders of a Nomad task from u, as whom processes run, and
// closes them to all other users. Nomad leaves them open for everybody: an app
// could put something else in the place of the lifecycle, which the next start
// runs as root, or a link in the place of a log file, which Nomad writes as
// root; and another app could read what lies there. allocDir may be ""; where
// u is nil nothing is done.
func Protect(taskDir, secretsDir, allocDir string, u *User) error {
	if u == nil {
		return nil
	}
	for _, f := range taskFolders(taskDir, secretsDir, allocDir, u.GID) {
		info, err := os.Stat(f.path)
		if err == nil {
			err = os.Chown(f.path, 0, f.group)
		}
		if err == nil {
			err = os.Chmod(f.path, info.Mode().Perm()&^f.loses)
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

// taskFolder is a folder that becomes root's and the group's.
type taskFolder struct {
	path  string
	group int
	loses fs.FileMode // of its mode
}

// taskFolders are those of a task whose processes are of a group, the upper
// ones first: once they are closed nobody can change what is below.
func taskFolders(taskDir, secretsDir, allocDir string, group int) []taskFolder {
	var all []taskFolder
	if parent := filepath.Dir(taskDir); parent != "/" { // else a container: nothing of Nomad's is beside it
		if top := filepath.Dir(parent); allocDir != "" && top == filepath.Dir(allocDir) {
			// A client that starts again opens all below it, but not this one.
			all = append(all, taskFolder{top, group, 0o027})
		}
		all = append(all, taskFolder{parent, group, 0o027})
		for _, sub := range []string{"private", "tmp"} {
			all = append(all, taskFolder{filepath.Join(parent, sub), 0, 0o077})
		}
	}
	all = append(all, taskFolder{taskDir, 0, 0o022}, taskFolder{secretsDir, 0, 0o077})
	if allocDir != "" {
		for _, sub := range []string{".", "logs", "data", "tmp"} {
			all = append(all, taskFolder{filepath.Join(allocDir, sub), 0, 0o022})
		}
	}
	return all
}
