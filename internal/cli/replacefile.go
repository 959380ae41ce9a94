package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// replaceFile gives an existing file new content in one step: whoever reads
// it sees the old or the new one, also after a crash. Mode and, where we may,
// owner stay; of a symbolic link the file behind it is replaced.
func replaceFile(name string, content []byte) error {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	before, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	// the temporary file in the same folder: a rename never crosses file systems
	err = renameio.WriteFile(path, content, before.Mode().Perm(), renameio.WithTempDir(filepath.Dir(path)), renameio.IgnoreUmask())
	if err != nil {
		return withHint(fmt.Errorf("write %s: %w", name, err), "its folder must be writable")
	}
	if owner, ok := before.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Lchown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("keep the owner of %s: %w", name, err)
		}
	}
	return nil
}
