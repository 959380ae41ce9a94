package proc

import (
	"os"
	"testing"
)

func TestKeepThreads(t *testing.T) {
	t.Parallel()
	keepThreads()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < spareThreads {
		t.Errorf("%d threads, want %d at least", len(threads), spareThreads)
	}
}
