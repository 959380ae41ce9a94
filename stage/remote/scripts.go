package remote

import (
	"os"
	"path/filepath"

	"wadi/stage/lifecycle"
)

// allowScripts makes the scripts executable that somebody packed or committed
// without: whoever uses a buildpack cannot mend it.
func allowScripts(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	folders := []string{""}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	for _, folder := range folders {
		for _, script := range lifecycle.Scripts() {
			name := filepath.Join(folder, script)
			info, err := root.Lstat(name)
			if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0o111 {
				continue
			}
			if err := root.Chmod(name, info.Mode().Perm()|0o111); err != nil {
				return err
			}
		}
	}
	return nil
}
