package instance

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDiskUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := diskUsage(t.Context(), dir)
	write := func(name string, n int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("a", 1<<20)
	write("sub/b", 2<<20)
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "sub/again")); err != nil {
		t.Fatal(err)
	}
	if got := diskUsage(t.Context(), dir) - empty; got < 3<<20 || got > 3<<20+1<<16 {
		t.Errorf("3 MiB take %d bytes", got)
	}
	if got := diskUsage(t.Context(), filepath.Join(dir, "none")); got != 0 {
		t.Errorf("nothing takes %d bytes", got)
	}
}
