//go:build !release

package bin

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	var wg sync.WaitGroup
	var found [3]Binary
	for i := range found {
		wg.Go(func() {
			var err error
			if found[i], err = Open(t.Context(), cache, runtime.GOARCH); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if found[0] != found[1] || found[1] != found[2] || len(found[0].SHA256) != 64 {
		t.Errorf("three calls gave %+v", found)
	}
	name, mode, program := unpack(t, found[0].Path)
	if name != "lifecycle" || mode != 0o755 {
		t.Errorf("entry %s, mode %o", name, mode)
	}
	t.Logf("the lifecycle has %d bytes, its archive %d", len(program), found[0].Size)
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) != 0 {
		t.Errorf("it is not static: %q, %v", libraries, err)
	}
	if again, err := pack(program); err != nil || int64(len(again)) != found[0].Size {
		t.Errorf("packing again gave %d bytes, %v", len(again), err)
	}
}

func unpack(t *testing.T, path string) (name string, mode int64, program []byte) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	h, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if program, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("a second entry: %v", err)
	}
	return h.Name, h.Mode, program
}

// TestSources: a change of any file that the compiler reads changes the key.
func TestSources(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", "wadi/stage/lifecycle/cmd")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []string{"github.com/hashicorp/nomad", "gocloud.dev", "github.com/spf13/"}
	for path := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		own, ok := strings.CutPrefix(path, "wadi/")
		if ok && !slices.Contains(sources, own) {
			t.Errorf("%s is missing in sources", own)
		}
		for _, prefix := range forbidden {
			if strings.HasPrefix(path, prefix) {
				t.Errorf("the lifecycle must not import %s", path)
			}
		}
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	key, err := sourceKey(root, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := sourceKey(root, "arm64"); err != nil || other == key {
		t.Errorf("the same key for another architecture: %s, %v", other, err)
	}
}

// TestKeyFollowsSources works on a copy of the sources.
func TestKeyFollowsSources(t *testing.T) {
	t.Parallel()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	for _, source := range sources {
		if err := os.MkdirAll(filepath.Join(copied, filepath.Dir(source)), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-rT", filepath.Join(root, source), filepath.Join(copied, source)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	key := func() string {
		t.Helper()
		k, err := sourceKey(copied, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	last := key()
	change := func(name string, want bool) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(copied, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString("\n")
		if closeErr := f.Close(); err != nil || closeErr != nil {
			t.Fatal(err, closeErr)
		}
		now := key()
		if (now != last) != want {
			t.Errorf("a change of %s: another key is %v, want %v", name, now != last, want)
		}
		last = now
	}
	change("stage/lifecycle/builtin/files/binary/bin/release", true)
	change("stage/lifecycle/cmd/main.go", true)
	change("go.sum", true)
	change("stage/lifecycle/cmd/main_test.go", false)
	change("stage/lifecycle/bin/build.go", false)
}

func TestFailedBuildIsNotCached(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	failure := errors.New("no")
	if _, err := cached(dir, "key", func() ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	b, err := cached(dir, "key", func() ([]byte, error) { return []byte("content"), nil })
	if err != nil || b.Size != 7 {
		t.Errorf("%+v, %v", b, err)
	}
	again, err := cached(dir, "key", func() ([]byte, error) { return nil, failure })
	if err != nil || again != b {
		t.Errorf("%+v, %v", again, err)
	}
}

func BenchmarkOpenCached(b *testing.B) {
	cache := b.TempDir()
	if _, err := Open(context.Background(), cache, runtime.GOARCH); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(context.Background(), cache, runtime.GOARCH); err != nil {
			b.Fatal(err)
		}
	}
}
