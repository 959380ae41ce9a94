package server

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wadi/internal/testwait"
	"wadi/stage/blob"
)

// smallDisk mounts a file system of n bytes.
func smallDisk(t *testing.T, n string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a small disk can be mounted by root only")
	}
	dir := t.TempDir()
	if err := syscall.Mount("wadi-test", dir, "tmpfs", 0, "size="+n); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// halfWritten says whether there is a file that is being written, or may be.
func halfWritten(dir string) bool {
	found := false
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		found = found || filepath.Ext(name) == ".tmp"
		return err
	})
	return found || err != nil
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "6m")
	f := fixtureIn(t, dir, nil)
	c := f.people(t)
	b := upload(t, c, 1, 2<<20)

	_, p, err := c.Upload(t.Context(), noise(2, 16<<20), nil)
	if !errors.Is(err, blob.ErrFull) || !strings.Contains(err.Error(), "disk is full: free some (wadi gc ") {
		t.Errorf("error = %v after %+v, want ErrFull", err, p)
	}
	if err := c.PutLifecycle(t.Context(), sum(noiseBytes(t, 3, 8<<20)), noise(3, 8<<20)); !errors.Is(err, blob.ErrFull) {
		t.Errorf("the lifecycle: %v, want ErrFull", err)
	}
	// What was under way when the first failed has its own end, on the server.
	testwait.Until(t, "nothing half-written is left", func() bool { return !halfWritten(dir) })
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if digest := filepath.Base(name); filepath.Base(filepath.Dir(filepath.Dir(name))) == "chunks" {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := blob.DecodeChunk(nil, data, digest); err != nil {
				t.Errorf("half-written: %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := c.Health(t.Context()); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Health: %v, want ErrFull", err)
	}
	if got, err := readAll(t, c, b.Digest); err != nil || !bytes.Equal(got, noiseBytes(t, 1, 2<<20)) {
		t.Errorf("what is there: %d bytes, error %v: reading goes on", len(got), err)
	}
	if err := syscall.Mount("wadi-test", dir, "tmpfs", syscall.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	if again := upload(t, c, 4, 1<<20); again.Size != 1<<20 {
		t.Errorf("with room again: %+v", again)
	}
}
