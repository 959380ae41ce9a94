package dockertest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"
)

// The root file system has a shell and every library that it needs.
func TestRootfs(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	r := tar.NewReader(bytes.NewReader(Rootfs(t)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		have["/"+h.Name] = true
	}
	libraries, err := librariesOf("/bin/bash")
	if err != nil || len(libraries) == 0 {
		t.Fatalf("libraries of bash: %v, %v", libraries, err)
	}
	for _, want := range append(libraries, "/bin/bash", "/bin/sh", "/etc/passwd") {
		if !have[want] {
			t.Errorf("there is no %s", want)
		}
	}
}
