package dockertest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// programs are what a stack has for the built-in buildpacks and the tests.
var programs = strings.Fields(`bash sh awk basename cat chmod chown cp cut date dd df dirname env expr find grep gzip head hostname id
	ln ls mkdir mktemp mv od printenv printf pwd readlink realpath rm rmdir sed seq sleep sort stat tail tar tee test touch tr true uname uniq wc xargs`)

// searchPath is where the programs are looked for, whatever PATH the tests have.
var searchPath = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}

// Rootfs is a small root file system for a stack, as a tar: this machine's
// own shell and tools with their libraries, and the user vcap.
func Rootfs(t testing.TB) []byte {
	t.Helper()
	r := newRootfs()
	for _, name := range programs {
		if err := r.addProgram(name); err != nil {
			t.Fatalf("build a root file system: %v", err)
		}
	}
	r.addText("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\nvcap:x:2000:2000:vcap:/home/vcap:/bin/bash\n")
	r.addText("etc/group", "root:x:0:\nvcap:x:2000:\n")
	r.addLink("usr/bin", "../bin")
	r.addLink("app", "/home/vcap/app")
	text, err := r.finish()
	if err != nil {
		t.Fatalf("build a root file system: %v", err)
	}
	return text
}

// Files is a layer of programs (path -> file of this machine): all that an
// image "from scratch" has.
func Files(files map[string]string) ([]byte, error) {
	r := &rootfs{have: map[string]bool{}}
	r.tar = tar.NewWriter(&r.buf)
	for path, from := range files {
		r.addFile(path, from)
	}
	return r.finish()
}

// rootfs is a tar that is written. The first error stays.
type rootfs struct {
	buf  bytes.Buffer
	tar  *tar.Writer
	have map[string]bool
	err  error
}

func newRootfs() *rootfs {
	r := &rootfs{have: map[string]bool{}}
	r.tar = tar.NewWriter(&r.buf)
	for dir, mode := range map[string]int64{"tmp": 0o1777, "home": 0o755, "root": 0o700} {
		r.write(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: mode}, nil)
	}
	return r
}

func (r *rootfs) write(h *tar.Header, content []byte) {
	if r.err != nil || r.have[h.Name] {
		return
	}
	r.have[h.Name] = true
	h.Size = int64(len(content))
	if r.err = r.tar.WriteHeader(h); r.err == nil {
		_, r.err = r.tar.Write(content)
	}
}

func (r *rootfs) addText(path, text string) {
	r.write(&tar.Header{Name: path, Mode: 0o644}, []byte(text))
}

func (r *rootfs) addLink(path, target string) {
	r.write(&tar.Header{Name: path, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, nil)
}

func (r *rootfs) addFile(path, from string) {
	content, err := os.ReadFile(from)
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	r.write(&tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o755}, content)
}

// addProgram adds a program with the libraries it needs.
func (r *rootfs) addProgram(name string) error {
	at := slices.IndexFunc(searchPath, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
	if at < 0 {
		return fmt.Errorf("this machine has no %s", name)
	}
	from := filepath.Join(searchPath[at], name)
	r.addFile("bin/"+name, from)
	libraries, err := librariesOf(from)
	if err != nil {
		return err
	}
	for _, library := range libraries {
		r.addFile(library, library)
	}
	return nil
}

// librariesOf asks ldd: lines like "libc.so.6 => /lib/x/libc.so.6 (0x…)" and
// "/lib64/ld-linux-x86-64.so.2 (0x…)". A static program has none.
func librariesOf(program string) ([]string, error) {
	out, err := exec.Command("ldd", program).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "not a dynamic executable") {
			return nil, nil
		}
		return nil, fmt.Errorf("ldd %s: %w: %s", program, err, out)
	}
	var paths []string
	for word := range strings.FieldsSeq(string(out)) {
		if _, err := os.Stat(word); strings.HasPrefix(word, "/") && !errors.Is(err, fs.ErrNotExist) {
			paths = append(paths, word)
		}
	}
	return paths, nil
}

func (r *rootfs) finish() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	err := r.tar.Close()
	return r.buf.Bytes(), err
}
