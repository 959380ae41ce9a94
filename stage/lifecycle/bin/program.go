package bin

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Program is the lifecycle as an executable file of this machine, beside its
// archive in the cache. Several processes may call it at once.
func (b Binary) Program() (string, error) {
	path := strings.TrimSuffix(b.Path, ".tgz")
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path, nil
	}
	if err := b.unpack(path); err != nil {
		return "", fmt.Errorf("unpacking the lifecycle into its cache: %w", err)
	}
	return path, nil
}

// unpack writes the one file of the archive to path, in one step.
func (b Binary) unpack(path string) error {
	in, err := os.Open(b.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	content := tar.NewReader(z)
	if _, err := content.Next(); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // it is gone once it has its name
	_, err = io.Copy(out, content)
	if err == nil {
		err = out.Chmod(0o755)
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}
