package remove

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// dirVar names the folder to remove to this test, run again as a user who is
// not root: nothing is closed to root.
const dirVar = "WADI_TEST_REMOVE"

func TestAll(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(dirVar); dir != "" {
		if err := All(dir); err != nil {
			t.Error(err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "wadi-remove-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	top := filepath.Join(dir, "top")
	closed := filepath.Join(top, "closed", "deeper")
	if err := os.MkdirAll(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(closed, "file"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	again := exec.Command("/proc/self/exe", "-test.run=^TestAll$")
	again.Env = append(os.Environ(), dirVar+"="+top)
	if os.Getuid() == 0 {
		const nobody = 65534
		again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		again.Dir = dir
		for _, path := range []string{dir, top, filepath.Dir(closed), closed} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{closed, filepath.Dir(closed)} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Lstat(top); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestAllOfNothing(t *testing.T) {
	t.Parallel()
	if err := All(filepath.Join(t.TempDir(), "nothing")); err != nil {
		t.Error(err)
	}
}
