package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"wadi/internal/dockertest"
)

// TestDevWithoutDocker runs an app of an image on a Nomad that finds no Docker
// engine: what is said of it says what the scheduler says, and what to do.
func TestDevWithoutDocker(t *testing.T) {
	t.Parallel()
	layer, err := dockertest.Files(nil)
	if err != nil {
		t.Fatal(err)
	}
	image, err := dockertest.NewRegistry(t).Push(t.Context(), "page:1", layer, v1.Config{Cmd: []string{"/serve"}})
	if err != nil {
		t.Fatal(err)
	}
	dir, next := t.TempDir(), t.TempDir()
	for name, dir := range map[string]string{"page": dir, "next": next} {
		manifest := fmt.Sprintf("applications:\n- name: %s\n  docker: {image: '%s'}\n", name, image)
		if err := os.WriteFile(filepath.Join(dir, "manifest.yml"), []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := newDevRun(t, false, dir)
	d.cmd.Env = append(d.cmd.Env, "DOCKER_HOST=unix://"+d.tmp+"/no.sock")
	d.start(t)
	address, _ := d.stderr.await(t, 0, `^Nomad and the platform run: (http://\S+)$`)
	const says = "missing drivers on 1 node (docker: install its engine there, or start it; raw_exec: enable it in the agent's configuration)"
	d.stderr.await(t, 0, regexp.QuoteMeta(`Error: app "page": Start unsuccessful: no room: web: `+says))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"plan", next}, "warning: the scheduler finds no room now: web: " + says + "\n"},
		{[]string{"status"}, says + "\n"},
	} {
		look := exec.Command(d.cmd.Path, c.args...)
		look.Dir, look.Env = dir, append(d.cmd.Env, "NOMAD_ADDR="+address, "NOMAD_TOKEN=", "NOMAD_REGION=", "NOMAD_NAMESPACE=")
		if out, err := look.CombinedOutput(); err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s\nwant %s", c.args, err, out, c.want)
		}
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	d.ended(t, 0)
}
