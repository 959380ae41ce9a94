package builtin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

// buildpack writes a built-in buildpack into a folder of the test.
func buildpack(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	// What a parallel test starts would have a script open for writing, and who
	// runs it then hears "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := Write(dir, name, "/nowhere/lifecycle", nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDetect: which buildpack an app gets where nobody names one.
func TestDetect(t *testing.T) {
	t.Parallel()
	dirs := map[string]string{}
	for _, name := range lifecycle.Builtins() {
		dirs[name] = buildpack(t, name)
	}
	const project = "[project]\nname = 'x'\n"
	tests := map[string]map[string]string{ // chosen, its files
		"staticfile: Staticfile":         {"Staticfile": "", "package.json": "{}", "go.mod": ""},
		"staticfile: index.html":         {"index.html": "", "pic.png": ""},
		"nodejs: package.json":           {"package.json": "{}", "index.html": "", "go.mod": "", "Procfile": ""},
		"go: go.mod":                     {"go.mod": "", "requirements.txt": ""},
		"python: requirements":           {"requirements.txt": "", "Procfile": "", "index.html": ""},
		"python: setup":                  {"setup.py": ""},
		"python: project":                {"pyproject.toml": project},
		"python: Pipfile":                {"Pipfile": ""},
		"python: conda":                  {"environment.yml": ""},
		"procfile: a tool's pyproject":   {"pyproject.toml": "[tool.ruff]\n# [project]\n", "Procfile": "web: x"},
		"procfile: beside an index.html": {"Procfile": "", "index.html": ""},
		"none: sources alone":            {"main.go": "", "app.py": "", "server.js": "", "public/index.html": ""},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := t.TempDir()
			for file, content := range files {
				write(t, filepath.Join(app, file), content)
			}
			chosen := "none"
			for _, name := range lifecycle.Builtins() {
				out, err := exec.Command(filepath.Join(dirs[name], "bin/detect"), app).Output()
				if err == nil {
					chosen = strings.TrimSpace(string(out))
					if chosen != name {
						t.Errorf("%s calls itself %q", name, chosen)
					}
					break
				}
			}
			if want, _, _ := strings.Cut(name, ":"); chosen != want {
				t.Errorf("%s detects it, want %s", chosen, want)
			}
		})
	}
}

// TestContract: every built-in has what the builder runs.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, name := range lifecycle.Builtins() {
		dir := buildpack(t, name)
		for _, script := range []string{"detect", "supply", "finalize", "release"} {
			info, err := os.Stat(filepath.Join(dir, "bin", script))
			if err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("%s: bin/%s: %v, %v", name, script, info, err)
			}
		}
	}
	if err := Write(t.TempDir()+"/x", "shared", "", nil); err == nil || !strings.Contains(err.Error(), `no built-in buildpack "shared"`) {
		t.Errorf("error %v", err)
	}
}

// TestRelocate: what holds the path of the staging works after a move. The
// environment is made up; real ones are staged by the tests of the lifecycle.
func TestRelocate(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on this machine")
	}
	before := filepath.Join(t.TempDir(), "a folder")
	venv, app := filepath.Join(before, "deps/0"), filepath.Join(before, "app")
	site := filepath.Join(venv, "lib/python3.11/site-packages")
	const header = "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")/python\" \"$0\" \"$@\"\n' '''\n"
	files := map[string][2]string{ // before, after
		venv + "/bin/short":                          {"#!" + venv + "/bin/python\nimport x\n", header + "import x\n"},
		venv + "/bin/version":                        {"#!" + venv + "/bin/python3.11 -sE\nimport x\n", header + "import x\n"},
		venv + "/bin/long":                           {"#!/bin/sh\n'''exec' " + venv + "/bin/python3 \"$0\" \"$@\"\n' '''\nimport x\n", header + "import x\n"},
		venv + "/bin/quoted":                         {"#!/bin/sh\n'''exec' \"" + venv + "/bin/python3\" \"$0\" \"$@\"\n' '''\nimport x\n", header + "import x\n"},
		venv + "/bin/other":                          {"#!/bin/sh\necho " + venv + "\n", "#!/bin/sh\necho " + venv + "\n"},
		venv + "/bin/activate":                       {"VIRTUAL_ENV=" + venv, ""},
		site + "/x.pth":                              {"import y\n" + app + "\n" + app + "/src\n" + before + "/application\n", "import y\n../../../../../app\n../../../../../app/src\n" + before + "/application\n"},
		site + "/x.egg-link":                         {app + "\n.", "../../../../../app\n."},
		site + "/__editable___tiny_1_finder.py":      {"MAPPING = {'tiny': '" + app + "/src/tiny', \"top\": \"" + app + "\"}\n", "MAPPING = {'tiny': __import__('os').path.abspath(__file__ + '/../../../../../../app/src/tiny'), \"top\": __import__('os').path.abspath(__file__ + '/../../../../../../app')}\n"},
		site + "/tiny/__editable___tiny_2_finder.py": {"'" + app + "'", "'" + app + "'"},
	}
	for path, content := range files {
		write(t, path, content[0])
	}
	relocate := filepath.Join(buildpack(t, "python"), "lib/relocate.py")
	if out, err := exec.Command(python, relocate, venv, app).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for path, content := range files {
		got, err := os.ReadFile(path)
		if err != nil && content[1] != "" {
			t.Error(err)
		}
		if diff := cmp.Diff(content[1], string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	after := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(before, after); err != nil {
		t.Fatal(err)
	}
	finder := filepath.Join(after, "deps/0/lib/python3.11/site-packages/__editable___tiny_1_finder.py")
	out, err := exec.Command(python, "-c", "import runpy, sys; print(runpy.run_path(sys.argv[1])['MAPPING']['tiny'])", finder).CombinedOutput()
	if want := after + "/app/src/tiny\n"; err != nil || string(out) != want {
		t.Errorf("%q, want %q: %v", out, want, err)
	}
}
