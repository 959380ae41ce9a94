package proc

import (
	"fmt"
	"os"
	"path/filepath"
)

// WriteFiles makes the folder dir with the files (slash separated paths) in
// it. The app can read them, and nobody else.
func WriteFiles(dir string, files map[string][]byte) error {
	return WriteFilesFor(&User{UID: UID, GID: GID}, dir, files)
}

// WriteFilesFor does so for the app of an image.
func WriteFilesFor(u *User, dir string, files map[string][]byte) error {
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
	if !Dropping() {
		return nil
	}
	return os.Lchown(path, u.UID, u.GID)
}
