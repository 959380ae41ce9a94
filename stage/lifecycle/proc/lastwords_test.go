package proc

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLastWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	logged := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, "logs", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	logged("app.stderr.9", "Exit status 1\n")
	logged("app.stderr.10", "Exit status 1\n") // of the start before
	w := NewLastWords(io.Discard, "stderr", func(name string) string {
		return map[string]string{"NOMAD_ALLOC_DIR": dir, "NOMAD_TASK_NAME": "app"}[name]
	})
	for _, line := range []string{"starting\n", "Exit status 1\n"} {
		if _, err := w.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if w.heard() {
		t.Error("the words of the start before count")
	}
	logged("app.stderr.10", "starting\n")
	logged("app.stdout.10", "Exit status 1\n")
	if w.heard() {
		t.Error("nobody has heard them yet")
	}
	logged("app.stderr.11", "Exit status 1\nof a sidecar\n")
	if !w.heard() {
		t.Error("they were heard")
	}
	w.await(time.Hour)

	silent := NewLastWords(io.Discard, "stderr", func(string) string { return filepath.Join(dir, "none") })
	silent.await(time.Hour)
}
