package builder

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIsHeroku(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		compile string
		want    bool
	}{
		"strict":            {"set -u\nENV_DIR=\"${3}\"\n", true},
		"with a default":    {"env_dir=${3:-}\n", true},
		"older":             {"  ENV_DIR=$3\n", true},
		"asks for STACK":    {"case \"${STACK:?}\" in heroku-24) ;; esac\n", true},
		"plain STACK":       {"if [ $STACK = heroku-24 ]; then :; fi\n", true},
		"Cloud Foundry's":   {"echo $CF_STACK $1 $2\n", false},
		"prints arguments":  {"echo \"$# $1 $2 ${3:-none}\"\n", false},
		"another third one": {"DEPS_DIR=$3\nENV_DIR=$33\n", false},
		"another STACK":     {"echo $STACKS $MY_STACK\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "bin/compile"), "#!/bin/bash\n"+test.compile, 0o755)
			if got := isHeroku(dir); got != test.want {
				t.Errorf("isHeroku = %v", got)
			}
			write(t, filepath.Join(dir, "bin/finalize"), "", 0o755)
			if isHeroku(dir) {
				t.Error("one with bin/finalize is taken for Heroku's")
			}
		})
	}
	if isHeroku(t.TempDir()) {
		t.Error("an empty folder is taken for Heroku's")
	}
}

// TestOddPrograms: where a program should be, root opens no pipe, which would
// block, and follows no link out of the buildpack, which may lead to a device.
func TestOddPrograms(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "compile")
	write(t, outside, "#!/bin/bash\nENV_DIR=$3\n", 0o755)
	for name, put := range map[string]func(path string) error{
		"a link out": func(path string) error { return os.Symlink(outside, path) },
		"a pipe":     func(path string) error { return errors.Join(syscall.Mkfifo(path, 0o755), os.Chmod(path, 0o755)) },
		"a device":   func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "bin/compile")
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), put(path)); err != nil {
			t.Fatal(err)
		}
		if isHeroku(dir) {
			t.Errorf("%s is taken for Heroku's", name)
		}
		if f, err := openProgram(path); err == nil && name != "a link out" {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
}

// TestHeroku: a buildpack of Heroku's gets the variables as files and starts
// in its own folder; bin/release is optional. Nothing of it is left.
func TestHeroku(t *testing.T) {
	t.Parallel()
	compile := `set -u
BUILD_DIR=$1 CACHE_DIR=$2
ENV_DIR="${3}"
ls "$ENV_DIR"
echo "ROOT is $(cat "$ENV_DIR/ROOT")"
cp files/hello "$BUILD_DIR/hello"
echo "$PWD"
touch "$ENV_DIR/other" 2> /dev/null || [ "$(id -u)" = 0 ] || echo cannot write
`
	b := build1(t, project{
		files:      map[string]string{"Procfile": "web: ./run\n"},
		buildpacks: []scripts{{"bin/compile": compile, "files/hello": ""}},
	})
	if b.err != nil {
		t.Fatal(b.err, b.stderr)
	}
	want := "ROOT\nROOT is \n/bp0\n"
	if host.User() != nil || os.Getuid() != 0 {
		want += "cannot write\n"
	}
	if diff := cmp.Diff(want, b.stdout); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
	if got := b.meta.ProcessTypes["web"]; got != "./run" {
		t.Errorf("web is %q", got)
	}
	if _, err := os.Stat(filepath.Join(b.root, "app/hello")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(b.root, "contents/env")); !os.IsNotExist(err) {
		t.Errorf("the variables are left in the droplet: %v", err)
	}

	failed := build1(t, project{buildpacks: []scripts{{"bin/compile": "ENV_DIR=$3\nexit 3\n"}}})
	if failed.code() != 223 {
		t.Errorf("code %d, %v", failed.code(), failed.err)
	}
	if _, err := os.Stat(filepath.Join(failed.root, "contents/env")); !os.IsNotExist(err) {
		t.Errorf("the variables are left after a failure: %v", err)
	}

	released := build1(t, project{buildpacks: []scripts{{
		"bin/compile": "ENV_DIR=$3\n", "web": "", "bin/release": "echo \"default_process_types: {web: $(ls -d web)}\"\n",
	}}})
	if released.err != nil || released.meta.ProcessTypes["web"] != "web" {
		t.Errorf("%v, %+v", released.err, released.meta.ProcessTypes)
	}
}
