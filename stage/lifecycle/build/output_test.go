package build

import (
	"os"
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
