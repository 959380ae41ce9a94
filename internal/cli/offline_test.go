package cli

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestValidateIsOffline runs validate where everything that could be asked is
// a server of the test, and everything that could be written is looked at.
func TestValidateIsOffline(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			conn.Close()
		}
	}()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"manifest.yml": "applications:\n- name: one\n  path: src\n  buildpacks: ['https://" + server.Addr().String() + "/bp.zip#v1']\n  services: [db]\n  env: {A: ((a))}\n",
		"wadi.hcl": "project = \"p\"\napp \"two\" {\n docker {\n image = \"" + server.Addr().String() + "/a/b:1\"\n }\n}\n" +
			"buildpack \"b\" {\n source = \"git+https://" + server.Addr().String() + "/b.git\"\n}\n",
		"src/Procfile": "web: true\n",
		"vars.yml":     "a: b\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wadi := filepath.Join(dir, "wadi")
	if err := os.Symlink(exe, wadi); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for _, args := range [][]string{{"validate", "--vars-file", "vars.yml"}, {"validate", "--json", "--vars-file", "vars.yml"}} {
		cmd := exec.Command(wadi, args...)
		cmd.Dir = dir
		url := "http://" + server.Addr().String()
		cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir, "XDG_CACHE_HOME=" + dir, "XDG_DATA_HOME=" + dir, "WADI_CACHE_DIR=" + dir, "PATH=" + dir,
			"NOMAD_ADDR=" + url, "HTTP_PROXY=" + url, "HTTPS_PROXY=" + url, "DOCKER_HOST=tcp://" + server.Addr().String()}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if after := tree(t, dir); after != before {
		t.Errorf("validate wrote: before\n%safter\n%s", before, after)
	}
	server.Close()
	<-done
	if n := asked.Load(); n > 0 {
		t.Errorf("validate asked somebody %d times", n)
	}
}

// tree is what is in a folder, with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
