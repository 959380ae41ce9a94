package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// keepBinary copies a program into a folder of our data under a name made of its
// content, and answers the copy's path: the program that `go run` made is
// gone as soon as this command ends, a cache may be deleted at any time, and
// Nomad starts the platform again whenever it has to.
func keepBinary(program, dir string) (string, error) {
	path, err := copyBinary(program, dir)
	if err != nil {
		return "", withHint(fmt.Errorf("keep a copy of wadi for the platform's jobs: %w", err), "XDG_DATA_HOME names the folder above")
	}
	return path, nil
}

func copyBinary(program, dir string) (string, error) {
	in, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	size, err := io.Copy(h, in)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wadi-"+hex.EncodeToString(h.Sum(nil))[:16])
	if info, err := os.Stat(path); err == nil && info.Size() == size {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	_, err = io.Copy(tmp, in)
	if err == nil {
		err = tmp.Chmod(0o755)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", err
	}
	return path, os.Rename(tmp.Name(), path)
}
