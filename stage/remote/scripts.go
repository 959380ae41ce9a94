package remote

import (
	"os"
	"path/filepath"
)

// scripts are what the lifecycle runs of a buildpack.
var scripts = []string{"detect", "supply", "finalize", "compile", "release"}

// allowScripts makes the scripts executable that somebody packed or committed
// without: whoever uses a buildpack cannot mend it.
func allowScripts(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	bins := []string{"bin"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			bins = append(bins, filepath.Join(e.Name(), "bin"))
		}
	}
	for _, bin := range bins {
		for _, script := range scripts {
			name := filepath.Join(bin, script)
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
