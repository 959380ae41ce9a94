package bin

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pack makes the archive of a program: the same bytes for the same program.
func pack(program []byte) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(zip)
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: "lifecycle", Mode: 0o755, Size: int64(len(program)),
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
	if err := archive.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := archive.Write(program); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// store puts content into dir in one step: who looks meets all or nothing.
func store(dir, key string, content []byte) (Binary, error) {
	sum := sha256.Sum256(content)
	path := filepath.Join(dir, key+"-"+hex.EncodeToString(sum[:])+".tgz")
	tmp, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return Binary{}, fmt.Errorf("writing the lifecycle into its cache: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return Binary{}, fmt.Errorf("writing the lifecycle into its cache: %w", err)
	}
	b, ok := lookUp(dir, key)
	if !ok {
		return Binary{}, fmt.Errorf("the lifecycle vanished from its cache %s while it was written: try again", dir)
	}
	return b, nil
}

// lookUp finds the archive made for key: the file KEY-SHA256.tgz.
func lookUp(dir, key string) (Binary, bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Binary{}, false
	}
	for _, entry := range entries {
		rest, ours := strings.CutPrefix(entry.Name(), key+"-")
		sum, whole := strings.CutSuffix(rest, ".tgz")
		if !ours || !whole {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return Binary{}, false
		}
		path, err := filepath.Abs(filepath.Join(dir, entry.Name()))
		if err != nil {
			return Binary{}, false
		}
		return Binary{Path: path, SHA256: sum, Size: info.Size()}, true
	}
	return Binary{}, false
}
