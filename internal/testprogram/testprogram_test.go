package testprogram

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestWrite runs what it has written while others start processes.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 30 {
				path := filepath.Join(dir, fmt.Sprint(i, "-", n))
				Write(t, path, "#!/bin/sh\necho it runs\n", 0o755)
				if out, err := exec.Command(path).Output(); err != nil || string(out) != "it runs\n" {
					t.Errorf("%q, %v", out, err)
				}
			}
		})
	}
	all.Wait()
}
