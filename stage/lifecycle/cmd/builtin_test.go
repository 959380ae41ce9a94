package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
)

// goMain is a web server on system calls: net/http would take the test half
// a minute to compile.
const goMain = `package main

import (
	"os"
	"strconv"
	"syscall"

	"example.org/greet"
)

func main() {
	port, err := strconv.Atoi(os.Getenv("PORT"))
	l, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(l, &syscall.SockaddrInet4{Port: port})
	}
	if err == nil {
		err = syscall.Listen(l, 5)
	}
	for err == nil {
		var c int
		if c, _, err = syscall.Accept(l); err == nil {
			_, _ = syscall.Read(c, make([]byte, 1024)) // a health check sends nothing
			_, _ = syscall.Write(c, []byte("HTTP/1.0 200 OK\r\n\r\n"+greet.Hello()))
			syscall.Close(c)
		}
	}
	panic(err)
}
`

// TestStageGo: modules in vendor need no network; the next staging compiles
// what has changed and nothing else.
func TestStageGo(t *testing.T) {
	t.Parallel()
	needs(t, "go")
	s := stageDetected(t, map[string]string{
		"go.mod":                            "module example.org/shop\n\ngo 1.21\n\nrequire example.org/greet v1.0.0\n",
		"main.go":                           goMain,
		"templates/page.html":               "stays",
		"vendor/modules.txt":                "# example.org/greet v1.0.0\n## explicit\nexample.org/greet\n",
		"vendor/example.org/greet/greet.go": "package greet\n\nfunc Hello() string { return \"from vendor\" }\n",
	}, map[string]string{"GOFLAGS": "-v", "GOPROXY": "off"})
	result := s.succeeded()
	contains(t, "stdout", s.stdout.String(), "-----> Go: go1.", "compiling example.org/shop with the modules in vendor\n", "       bin/shop\n")
	contains(t, "what was compiled", s.stderr.String(), "\nsyscall\n", "example.org/greet\n", "example.org/shop\n")
	if diff := cmp.Diff(map[string]string{"web": "./bin/shop"}, result.ProcessTypes); diff != "" || result.LifecycleMetadata.DetectedBuildpack != "go" {
		t.Errorf("%+v\n%s", result.LifecycleMetadata, diff)
	}
	if !exists(filepath.Join(s.taskDir, "local/staging/droplet/app/templates/page.html")) {
		t.Error("the source is gone")
	}
	s.answers(result, "from vendor")

	again := s.again(nil)
	again.succeeded()
	if compiled := again.stderr.String(); strings.Contains(compiled, "syscall\n") || strings.Contains(compiled, "greet") {
		t.Errorf("compiled again:\n%s", compiled)
	}

	// Several programs: those below cmd. The module's name, or web, answers.
	hello := "package main\n\nfunc main() { println(1) }\n"
	several := again.again(func(in *lifecycle.Staging) {
		in.Package = uploadPackage(t, s.store, map[string]string{
			"go.mod": "module example.org/many\n\ngo 1.21\n", "lib.go": "package many\n",
			"cmd/web/main.go": hello, "cmd/worker/main.go": hello, "cmd/lib/lib.go": "package lib\n", "cmd/README": "",
		})
		in.Env = map[string]string{"GO_LINKER_SYMBOL": "main.version", "GO_LINKER_VALUE": "a b"}
	})
	if got := several.succeeded().ProcessTypes["web"]; got != "./bin/web" {
		t.Errorf("web %q", got)
	}
	contains(t, "stdout", several.stdout.String(), "       bin/web\n       bin/worker\n")
	named := several.again(func(in *lifecycle.Staging) {
		in.Env = map[string]string{"GO_INSTALL_PACKAGE_SPEC": "./cmd/worker"}
	})
	if got := named.succeeded().ProcessTypes["web"]; got != "./bin/worker" {
		t.Errorf("web %q", got)
	}
	stageGoProxy(t, named)
}

func TestStageGoFails(t *testing.T) {
	t.Parallel()
	needs(t, "go")
	const hello = "package main\n\nfunc main() { println(1) }\n"
	tests := map[string]struct{ mod, main, says string }{
		"does not compile": {"module x\n\ngo 1.21\n", "package main\n\nfunc main() {\n", "**ERROR** compiling failed: see above"},
		"no go.mod":        {"modul x\n", hello, "**ERROR** Go cannot read the module: see above"},
		"of the future":    {"module x\n\ngo 1.999\n", hello, "a newer Go is either installed on the stack or fetched by Go (env GOTOOLCHAIN = auto)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageDetected(t, map[string]string{"go.mod": test.mod, "main.go": test.main}, map[string]string{"CGO_ENABLED": "0"})
			if code := s.exitCode(); code != lifecycle.ExitCompileFail {
				t.Errorf("exit code %d", code)
			}
			contains(t, "stderr", s.stderr.String(), test.says)
		})
	}
}

const nodeServer = `require('http').createServer((q, r) => r.end([require('greet')(), process.env.NODE_ENV, process.env.NODE_HOME, process.env.NODE_OPTIONS].join(' '))).listen(process.env.PORT);
`

// TestStageNode: node_modules beside the app is kept and needs no network.
func TestStageNode(t *testing.T) {
	t.Parallel()
	needs(t, "nodejs")
	s := stageDetected(t, map[string]string{
		"package.json":                    `{"name": "shop", "version": "1.0.0", "engines": {"node": ">=99"}, "dependencies": {"greet": "1.0.0"}, "scripts": {"heroku-postbuild": "greet > built"}}`,
		"server.js":                       nodeServer,
		"node_modules/greet/package.json": `{"name": "greet", "version": "1.0.0", "main": "index.js", "bin": {"greet": "bin.js"}}`,
		"node_modules/greet/index.js":     "module.exports = () => 'from node_modules';\n",
		"node_modules/greet/bin.js":       "#!/usr/bin/env node\nconsole.log('a program');\n",
	}, map[string]string{"npm_config_registry": "http://127.0.0.1:1/", "OPTIMIZE_MEMORY": "true", "NODE_OPTIONS": "--no-warnings"})
	result := s.succeeded()
	contains(t, "stdout", s.stdout.String(), "-----> Node.js: v", "keeping node_modules as it came", "**WARNING** package.json asks for node >=99, the stack has v")
	if got := result.ProcessTypes["web"]; got != "node server.js" {
		t.Errorf("web %q", got)
	}
	if built, err := os.ReadFile(filepath.Join(s.taskDir, "local/staging/droplet/app/built")); err != nil || string(built) != "a program\n" {
		t.Errorf("built %q, %v", built, err)
	}
	s.answers(result, "from node_modules production "+nodeHome(t)+" --max-old-space-size=192 --no-warnings")
}

// nodeHome is where tasks find Node.js: the folder above its bin.
func nodeHome(t *testing.T) string {
	t.Helper()
	for _, dir := range filepath.SplitList(launch.Path) {
		if exists(filepath.Join(dir, "node")) {
			return filepath.Dir(dir)
		}
	}
	t.Fatal("no node on the path of tasks")
	return ""
}

func TestStageNodeFails(t *testing.T) {
	t.Parallel()
	needs(t, "nodejs")
	tests := map[string]struct{ manifest, says string }{
		"no JSON":     {`{"name": `, "**ERROR** package.json cannot be read: see above"},
		"no object":   {`[]`, "package.json: it is no JSON object\n"},
		"no registry": {`{"dependencies": {"greet": "1.0.0"}}`, "**ERROR** npm install failed: see above; the registry is the one that .npmrc or the app's env (npm_config_registry) names"},
		"script":      {`{"scripts": {"heroku-postbuild": "exit 3"}}`, "**ERROR** the script heroku-postbuild failed: see above"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageDetected(t, map[string]string{"package.json": test.manifest},
				map[string]string{"npm_config_registry": "http://127.0.0.1:1/", "npm_config_fetch_retries": "0"})
			if code := s.exitCode(); code != lifecycle.ExitCompileFail {
				t.Errorf("exit code %d", code)
			}
			contains(t, "stderr", s.stderr.String(), test.says)
		})
	}
}

const pythonServer = `import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from a wheel")

def main():
    assert sys.prefix == os.environ["VIRTUAL_ENV"], sys.prefix
    http.server.HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`

// TestStagePython: wheels in vendor need no network, and the programs that
// they bring start wherever the instance lies.
func TestStagePython(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	s := stageDetected(t, map[string]string{
		"requirements.txt":                  "greet==1.0\n",
		"runtime.txt":                       "python-2.7.x\n",
		"Procfile":                          "web: greet\n",
		"vendor/greet-1.0-py3-none-any.whl": wheel(t, "greet", pythonServer),
	}, map[string]string{"PIP_INDEX_URL": "http://127.0.0.1:1/"})
	result := s.succeeded()
	contains(t, "stdout", s.stdout.String(), "-----> Python: 3.", "installing the requirements from vendor", "**WARNING** runtime.txt asks for python-2.7.x, the stack has python-3.")
	if diff := cmp.Diff(map[string]string{"web": "greet"}, result.ProcessTypes); diff != "" {
		t.Error(diff)
	}
	s.answers(result, "from a wheel")
	if python := filepath.Join(s.taskDir, "local/staging/droplet/deps/0/bin/python"); !exists(python) {
		t.Errorf("%s is not there", python)
	} else if out, err := exec.Command(python, "-m", "pip", "--version").CombinedOutput(); err != nil {
		t.Errorf("pip: %v\n%s", err, out)
	}
}

func TestStagePythonFails(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	tests := map[string]struct {
		files map[string]string
		says  string
	}{
		"not in vendor": {map[string]string{"requirements.txt": "greet==1.0\n", "vendor/README": ""}, "**ERROR** pip could not install from vendor: see above; all requirements with theirs have to be there"},
		"no index":      {map[string]string{"requirements.txt": "greet==1.0\n"}, "**ERROR** pip install failed: see above; the index is the one that pip.conf beside the app or the app's env (PIP_INDEX_URL) names"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageDetected(t, test.files, map[string]string{"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0"})
			if code := s.exitCode(); code != lifecycle.ExitCompileFail {
				t.Errorf("exit code %d", code)
			}
			contains(t, "stderr", s.stderr.String(), test.says)
		})
	}
}

// TestStageSupplied: the final built-in hands on what others supplied, as
// libbuildpack does, to later buildpacks and to the app.
func TestStageSupplied(t *testing.T) {
	t.Parallel()
	supplier := map[string]string{"bin/supply": `#!/bin/sh
mkdir -p "$3/$4/bin" "$3/$4/profile.d" "$3/$4/env"
printf '#!/bin/sh\necho supplied by %s\n' "$4" > "$3/$4/bin/tool$4"
cp "$3/$4/bin/tool$4" "$3/$4/bin/tool"
chmod 755 "$3/$4/bin/"*
echo 'export FROM_PROFILE="${FROM_PROFILE}'$4'"' > "$3/$4/profile.d/own.sh"
`}
	s := startStaging(t, map[string]string{"Procfile": `web: (tool; tool0; tool1; echo "$FROM_PROFILE") > index.html && exec $HOME/../bin/lifecycle serve` + "\n"},
		[]string{"first", "second", "procfile"}, map[string]map[string]string{"first": supplier, "second": supplier}, nil)
	result := s.succeeded()
	s.answers(result, "supplied by 1\nsupplied by 0\nsupplied by 1\n01")
}

// TestSuppliedToolchain: what another buildpack brings goes before the
// stack's, with the variables that it asks for.
func TestSuppliedToolchain(t *testing.T) {
	t.Parallel()
	supplier := map[string]string{"bin/supply": `#!/bin/sh
mkdir -p "$3/$4/bin" "$3/$4/env"
printf supplied > "$3/$4/env/FROM_ENV"
printf ignored > "$3/$4/env/not.a.name"
for tool in go python3; do
  printf '#!/bin/sh\necho version-$FROM_ENV\n' > "$3/$4/bin/$tool"
  chmod 755 "$3/$4/bin/$tool"
done
`}
	for buildpack, want := range map[string]struct{ stdout, stderr string }{
		"go":     {"-----> Go: version-supplied (", "there is no go.mod"},
		"python": {"", "deps/0/bin/python3 is another buildpack's"},
	} {
		t.Run(buildpack, func(t *testing.T) {
			t.Parallel()
			s := startStaging(t, map[string]string{"f": "x"}, []string{"supplier", buildpack}, map[string]map[string]string{"supplier": supplier}, nil)
			if code := s.exitCode(); code != lifecycle.ExitCompileFail {
				t.Errorf("exit code %d", code)
			}
			contains(t, "stdout", s.stdout.String(), want.stdout)
			contains(t, "stderr", s.stderr.String(), want.stderr)
		})
	}
}
