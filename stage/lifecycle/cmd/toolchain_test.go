package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wadi/internal/testneed"
	"wadi/internal/testprogram"
	"wadi/stage/lifecycle"
)

// needs skips the test where the stack, which is this machine as tasks see
// it, lacks what the buildpack uses.
func needs(t *testing.T, buildpack string) {
	t.Helper()
	err := testneed.Toolchain(buildpack)
	switch {
	case err == nil:
	case testneed.Required(buildpack):
		t.Fatalf("%s asks for %s: %v", testneed.Var, buildpack, err)
	default:
		t.Skip(err)
	}
}

// builtins are all that detect.
func builtins() []string {
	return slices.DeleteFunc(lifecycle.Builtins(), func(name string) bool { return name == "binary" })
}

// stageDetected stages an app that names no buildpack.
func stageDetected(t *testing.T, files, env map[string]string) staged {
	t.Helper()
	return startStaging(t, files, builtins(), nil, func(in *lifecycle.Staging) { in.SkipDetect, in.Env = false, env })
}

// answers starts an instance of the droplet and asks its web process for /.
func (s staged) answers(result lifecycle.Result, want string) {
	s.t.Helper()
	revision := lifecycle.Revision{BlobURL: s.store.URL, Droplet: result.Droplet, StagedAt: result.StagedAt}
	process := smallWeb
	process.DiskMB, process.MemoryMB = 1024, 256
	w := startInstance(s.t, app{dir: newTask(s.t, map[string]any{
		lifecycle.RevisionFile: revision, lifecycle.EnvironmentFile: lifecycle.Environment{Env: s.input.Env}, lifecycle.ProcessFile: process,
	})})
	w.ready()
	response, err := http.Get("http://127.0.0.1:" + w.port + "/")
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || strings.TrimSpace(string(body)) != want {
		s.t.Errorf("answer %q, want %q: %v", body, want, err)
	}
	w.signal(syscall.SIGTERM)
	w.exitCode()
}

// tools is a PATH with what scripts need and these programs (name -> script).
func tools(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := openDir(t)
	for _, name := range []string{"dirname", "basename", "cat", "mkdir", "chmod", "cp", "rm", "ls", "sort", "tr", "grep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range programs {
		testprogram.Write(t, filepath.Join(dir, name), "#!/bin/sh\n"+script+"\n", 0o755)
	}
	return dir
}

// TestToolchainMissing: a stack that lacks something says what to install.
func TestToolchainMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		buildpack string
		programs  map[string]string
		files     map[string]string
		says      string
	}{
		"no node":       {"nodejs", nil, map[string]string{"package.json": "{}"}, "there is no Node.js on this stack (looked on PATH): install it there (apt-get install nodejs npm"},
		"node is ill":   {"nodejs", map[string]string{"node": "exit 3"}, nil, "/node does not work: see above; install Node.js again"},
		"no npm":        {"nodejs", map[string]string{"node": "echo v20.0.0"}, map[string]string{"package.json": "{}"}, "there is no npm on this stack: install it there (apt-get install npm)"},
		"go is ill":     {"go", map[string]string{"go": "exit 3"}, nil, "/go does not work: see above; install Go again"},
		"no go.mod":     {"go", map[string]string{"go": "echo go1.99"}, nil, "there is no go.mod: run go mod init MODULE"},
		"no program":    {"go", map[string]string{"go": `[ "$1" != env ] || echo go1.99`}, map[string]string{"go.mod": "module x\n", "cmd/README": ""}, "there is no program: no package main in the app's folder nor in a folder of cmd; name what to compile in the app's env (GO_INSTALL_PACKAGE_SPEC"},
		"no C compiler": {"go", map[string]string{"go": `case "$1 $2" in "env "*) echo go1.99;; "list -e") echo example.org/sqlite;; esac`}, map[string]string{"go.mod": "module x\n"}, "example.org/sqlite has parts in C and there is no C compiler on this stack: install one (apt-get install gcc libc6-dev), or do without (env CGO_ENABLED = 0)"},
		"no python":     {"python", nil, nil, "there is no Python on this stack (looked for python3 on PATH): install it there (apt-get install python3 python3-venv)"},
		"no venv":       {"python", map[string]string{"python3": `case "$2" in *ensurepip*) exit 1;; esac; echo 3.99.0`}, nil, "the stack's Python lacks venv and pip: install them there (apt-get install python3-venv)"},
		"Pipfile":       {"python", map[string]string{"python3": "echo 3.99.0"}, map[string]string{"Pipfile": ""}, "a Pipfile alone is not supported: write its requirements into a requirements.txt (pipenv requirements > requirements.txt)"},
		"conda":         {"python", map[string]string{"python3": "echo 3.99.0"}, map[string]string{"environment.yml": ""}, "conda's environment.yml is not supported"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"f": "x"}
			for file, content := range test.files {
				files[file] = content
			}
			path := tools(t, test.programs)
			s := startStaging(t, files, []string{test.buildpack}, nil, func(in *lifecycle.Staging) { in.Env = map[string]string{"PATH": path} })
			if code := s.exitCode(); code != lifecycle.ExitCompileFail {
				t.Errorf("exit code %d", code)
			}
			contains(t, "stderr", s.stderr.String(), "**ERROR** ", test.says)
		})
	}
}

// wheel is a Python package with a program, as pip installs it.
func wheel(t *testing.T, name, code string) string {
	t.Helper()
	info := name + "-1.0.dist-info/"
	return zipped(t, "", map[string]string{
		name + ".py":              code,
		info + "METADATA":         "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n",
		info + "WHEEL":            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "entry_points.txt": "[console_scripts]\n" + name + "=" + name + ":main\n",
		info + "RECORD":           name + ".py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "entry_points.txt,,\n" + info + "RECORD,,\n",
	})
}
