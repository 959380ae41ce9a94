package proc

import (
	"fmt"
	"os"
	"path/filepath"
)

// WriteFiles makes the folder dir with the files (slash separated paths) in
// it. Only u can read them, nil = whoever the lifecycle is.
func WriteFiles(dir string, files map[string][]byte, u *User) error {
	if len(files) == 0 {
		return nil
	}
	// What has that name already may be a link to anywhere.
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("making the folder of service bindings: %s is there already: the droplet must have nothing of that name", dir)
	}
	if err := makeOwn(u, dir); err != nil {
		return err
	}
	for path, content := range files {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if parent := filepath.Dir(name); parent != dir {
			if err := makeOwn(u, parent); err != nil {
				return err
			}
		}
		if err := os.WriteFile(name, content, 0o400); err != nil {
			return fmt.Errorf("writing a service binding: %w", err)
		}
		if err := giveAway(u, name); err != nil {
			return err
		}
	}
	return nil
}

func makeOwn(u *User, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("making the folder of service bindings: %w", err)
	}
	return giveAway(u, dir)
}

func giveAway(u *User, path string) error {
	if u == nil {
		return nil
	}
	if err := os.Lchown(path, u.UID, u.GID); err != nil {
		return fmt.Errorf("handing a service binding to user %d: %w", u.UID, err)
	}
	return nil
}
