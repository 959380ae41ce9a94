// Package testprogram writes programs that tests run.
package testprogram

import (
	"os"
	"syscall"
	"testing"
)

// Write writes a file that may be a program, and can be run from then on. A
// process that is forked while a file is open for writing has it open too for
// a moment, and who runs it meanwhile hears "text file busy": tests that run
// at the same time start processes, so none is forked here.
func Write(t testing.TB, path, content string, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
