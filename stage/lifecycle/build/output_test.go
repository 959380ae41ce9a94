package build

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestOutputFiles: the caller's umask holds, and links to outputs are followed.
func TestOutputFiles(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil).add("c", files{"bin/compile": "", "bin/release": "echo 'default_process_types: {web: w}'\n"})
	files{"app/f": "x", "out/droplet": "-> elsewhere", "kept/cache": "-> old", "kept/old": "x"}.write(t, m.root)
	e := m.run("--skip-detect")
	e.want(0, "")
	for _, name := range []string{"out/elsewhere", "kept/old", "out/result.json"} {
		info, err := os.Lstat(m.path(name))
		if err != nil || info.Mode() != 0o644 || info.Size() < 10 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"out/droplet", "kept/cache"} {
		if info, err := os.Lstat(m.path(name)); err != nil || info.Mode().Type() != os.ModeSymlink {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	m.env = append(m.env, "BUILD_UMASK=077")
	m.run("--skip-detect", "--output-droplet", "out/mine").want(0, "")
	if info, err := os.Stat(m.path("out/mine")); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestPlantedLink: whoever may write to /tmp cannot have root write elsewhere.
func TestPlantedLink(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make another user's link")
	}
	m := newMachine(t, nil).add("c", files{"bin/compile": "", "bin/release": "echo 'default_process_types: {web: w}'\n"})
	files{"shared/droplet": "-> ../precious", "precious": "x"}.write(t, m.root)
	if err := errors.Join(os.Chmod(m.path("shared"), 0o777|os.ModeSticky), os.Lchown(m.path("shared/droplet"), 54321, 54321)); err != nil {
		t.Fatal(err)
	}
	e := m.run("--skip-detect", "--output-droplet", "shared/droplet")
	if e.code == 0 || !strings.Contains(e.stderr, "shared/droplet is a link that another user (uid 54321) has put there: remove it") {
		t.Errorf("code %d, stderr %q", e.code, e.stderr)
	}
	if content, err := os.ReadFile(m.path("precious")); err != nil || string(content) != "x" {
		t.Errorf("what the link leads to is now %q, %v", content, err)
	}
	if err := os.Lchown(m.path("shared/droplet"), 0, 0); err != nil {
		t.Fatal(err)
	}
	m.run("--skip-detect", "--output-droplet", "shared/droplet").want(0, "")
}
