package builder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/internal/testprogram"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// host starts all processes of this package's tests: there is one a program.
var host *proc.Host

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "drop" { // started again by host, as root
		fmt.Fprintln(os.Stderr, proc.Drop(os.Args[2], os.Args[3], os.Args[4], os.Args[5:], os.Environ()))
		os.Exit(126)
	}
	var err error
	if host, err = proc.NewHost(proc.TaskUser(os.Getenv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// scripts is a buildpack: script name -> body. A body of bin/… is that of the
// public contract, other names are plain files.
type scripts map[string]string

// trace is a line in the build's output that shows a script's arguments.
const trace = `echo "$(basename "$(dirname "$(dirname "$0")")") $(basename "$0")$(for a in "$@"; do printf ' %s' "${a#` + "$ROOT" + `}"; done)"` + "\n"

// built is what a build left.
type built struct {
	meta           lifecycle.DropletMetadata
	err            error
	stdout, stderr string
	root           string
}

type project struct {
	files      map[string]string
	buildpacks []scripts // keys "bp0", "bp1", …
	detect     bool
	change     func(root string) // of the buildpacks, before the build
}

func build1(t *testing.T, p project) built {
	t.Helper()
	root, err := os.MkdirTemp("", "wadi-build-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	c := Config{
		Host: host, Dir: root, Env: []string{"PATH=/usr/bin:/bin", "ROOT=" + root},
		BuildDir: filepath.Join(root, "app"), ContentsDir: filepath.Join(root, "contents"), CacheDir: filepath.Join(root, "cache"),
		SkipDetect: !p.detect,
		Stdout:     outputFile(t), Stderr: outputFile(t),
	}
	for _, dir := range []string{c.BuildDir, c.ContentsDir, c.CacheDir} {
		if err := proc.MakeDir(dir, host.User()); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range p.files {
		write(t, filepath.Join(c.BuildDir, name), content, 0o644)
	}
	for i, s := range p.buildpacks {
		dir := filepath.Join(root, fmt.Sprintf("bp%d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, body := range s {
			write(t, filepath.Join(dir, name), "#!/bin/bash\n"+body, 0o755)
		}
		c.Buildpacks = append(c.Buildpacks, Buildpack{Key: fmt.Sprintf("bp%d", i), Dir: dir})
	}
	if p.change != nil {
		p.change(root)
	}
	b := built{root: root}
	b.meta, b.err = Build(t.Context(), c)
	b.stdout, b.stderr = content(t, c.Stdout, root), content(t, c.Stderr, root)
	return b
}

func outputFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, f *os.File, root string) string {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), root, "")
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	testprogram.Write(t, path, content, mode)
}

func (b built) code() int {
	if b.err == nil {
		return 0
	}
	var failed *Error
	if errors.As(b.err, &failed) {
		return failed.Code
	}
	return -1
}

const quietRelease = "echo '{}'\n"

// TestFailures has the exit codes and messages of the reference's builder.
func TestFailures(t *testing.T) {
	t.Parallel()
	fine := scripts{"bin/detect": "echo fine\n", "bin/compile": "", "bin/release": quietRelease, "bin/supply": ""}
	with := func(name, body string) scripts {
		s := scripts{}
		for k, v := range fine {
			s[k] = v
		}
		if s[name] = body; body == "-" {
			delete(s, name)
		}
		return s
	}
	loop := func(script string) func(root string) {
		return func(root string) {
			path := filepath.Join(root, "bp0/bin", script)
			if err := errors.Join(os.RemoveAll(path), os.Symlink(script, path)); err != nil {
				t.Error(err)
			}
		}
	}
	tests := map[string]struct {
		project
		code int
		msg  string
	}{
		"nothing detects":        {project{detect: true, buildpacks: []scripts{with("bin/detect", "exit 1\n"), with("bin/detect", "-")}}, 222, "None of the buildpacks detected a compatible application"},
		"compile fails":          {project{buildpacks: []scripts{with("bin/compile", "exit 7\n")}}, 223, "Failed to compile droplet: Failed to compile droplet: exit status 7"},
		"compile is missing":     {project{buildpacks: []scripts{with("bin/compile", "-")}}, 223, "Failed to compile droplet: Failed to compile droplet: fork/exec /bp0/bin/compile: no such file or directory"},
		"compile dies":           {project{buildpacks: []scripts{with("bin/compile", "kill -KILL $$\n")}}, 223, "Failed to compile droplet: Failed to compile droplet: signal: killed"},
		"finalize fails":         {project{buildpacks: []scripts{with("bin/finalize", "exit 2\n")}}, 223, "Failed to compile droplet: Failed to run finalize script: exit status 2"},
		"supply of the final":    {project{buildpacks: []scripts{{"bin/supply": "exit 2\n", "bin/finalize": ""}}}, 223, "Failed to compile droplet: Failed to run all supply scripts: exit status 2"},
		"supply of another":      {project{buildpacks: []scripts{with("bin/supply", "exit 2\n"), fine}}, 225, "Failed to run all supply scripts: exit status 2 (bin/supply of bp0)"},
		"supply is missing":      {project{buildpacks: []scripts{fine, with("bin/supply", "-"), fine}}, 225, "Error: one of the buildpacks chosen to supply dependencies does not support multi-buildpack apps: bp1 has no bin/supply: name it last, or another in its place"},
		"no bin":                 {project{buildpacks: []scripts{{"README": ""}}}, 225, "Failed to run all supply scripts: malformed buildpack does not contain a /bin dir: bp0"},
		"release fails":          {project{buildpacks: []scripts{with("bin/release", "exit 3\n")}}, 224, "Failed to build droplet release: exit status 3"},
		"release is missing":     {project{buildpacks: []scripts{with("bin/release", "-")}}, 224, "Failed to build droplet release: fork/exec /bp0/bin/release: no such file or directory"},
		"release is no YAML":     {project{buildpacks: []scripts{with("bin/release", "echo 'a: b: c'\n")}}, 224, "Failed to build droplet release: buildpack's release output invalid: "},
		"Procfile is no YAML":    {project{buildpacks: []scripts{fine}, files: map[string]string{"Procfile": "web: echo a: b\n"}}, 1, "Failed to read command from Procfile: invalid YAML"},
		"launch.yml is no YAML":  {project{buildpacks: []scripts{{"bin/supply": `echo '{' > "$3/$4/launch.yml"` + "\n", "bin/finalize": ""}}}, 1, "deps/0/launch.yml"},
		"launch.yml is a pipe":   {project{buildpacks: []scripts{{"bin/supply": `mkfifo "$3/$4/launch.yml"` + "\n", "bin/finalize": ""}}}, 1, "0/launch.yml is not a file"},
		"Procfile is a pipe":     {project{buildpacks: []scripts{with("bin/compile", `mkfifo "$1/Procfile"`+"\n")}}, 1, "Procfile is not a file"},
		"Procfile is too big":    {project{buildpacks: []scripts{with("bin/compile", `head -c 2000000 /dev/zero > "$1/Procfile"`+"\n")}}, 1, "Procfile has more than 1048576 bytes"},
		"launch.yml is no map":   {project{buildpacks: []scripts{{"bin/supply": `echo '[a]' > "$3/$4/launch.yml"` + "\n", "bin/finalize": ""}}}, 1, "deps/0/launch.yml: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into a map"},
		"launch.yml leads away":  {project{buildpacks: []scripts{{"bin/supply": `mkfifo "$1/p"; ln -s "$1/p" "$3/$4/launch.yml"` + "\n", "bin/finalize": ""}}}, 1, "launch.yml is not a file"},
		"Procfile leads outside": {project{buildpacks: []scripts{with("bin/compile", `ln -s /dev/zero "$1/Procfile"`+"\n")}}, 1, "Failed to read command from Procfile: Procfile is not a file"},
		"supply is a loop":       {project{buildpacks: []scripts{with("bin/finalize", "")}, change: loop("supply")}, 223, "Failed to compile droplet: Failed to run all supply scripts: stat /bp0/bin/supply: too many levels of symbolic links"},
		"finalize is a loop":     {project{buildpacks: []scripts{fine}, change: loop("finalize")}, 223, "Failed to compile droplet: Failed to run finalize script: stat /bp0/bin/finalize: too many levels of symbolic links"},
		"first supply is a loop": {project{buildpacks: []scripts{fine, fine}, change: loop("supply")}, 225, "Failed to run all supply scripts: stat /bp0/bin/supply: too many levels of symbolic links"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := build1(t, test.project)
			if b.code() != test.code {
				t.Errorf("code %d, want %d", b.code(), test.code)
			}
			if got := strings.ReplaceAll(fmt.Sprint(b.err), b.root, ""); !strings.Contains(got, test.msg) {
				t.Errorf("error %q, want %q", got, test.msg)
			}
			chosen := test.code == 223 || test.code == 224
			if (b.meta.LifecycleMetadata.BuildpackKey != "") != (chosen || test.code == 1) || b.meta.ProcessTypes != nil {
				t.Errorf("metadata %+v", b.meta)
			}
		})
	}
}

func TestMultiBuildpack(t *testing.T) {
	t.Parallel()
	supply := trace + `printf 'name: n%s\nversion: "1.%s"\n' "$4" "$4" > "$3/$4/config.yml"` + "\n"
	b := build1(t, project{
		files: map[string]string{"Procfile": "release: migrate\nworker: work --hard\n"},
		buildpacks: []scripts{
			{"bin/supply": supply + `cat > "$3/$4/launch.yml" <<'Y'
processes:
- {type: web, command: from supply}
- {type: worker, command: from supply}
- type: proxy
  command: ./proxy
  limits: {memory: 32}
  platforms: {cloudfoundry: {sidecar_for: [web]}}
Y
`},
			{"bin/supply": supply},
			{"bin/supply": supply, "bin/finalize": trace + `printf 'config: {entrypoint_prefix: with prefix}\n' >> "$3/$4/config.yml"` + "\n", "bin/release": "echo 'default_process_types: {web: from release, extra: e}'\n"},
		},
	})
	if b.err != nil {
		t.Fatal(b.err, b.stderr)
	}
	wantOut := `bp0 supply /app /cache/` + KeyHash("bp0") + ` /contents/deps 0
bp1 supply /app /cache/` + KeyHash("bp1") + ` /contents/deps 1
bp2 supply /app /cache/final /contents/deps 2
bp2 finalize /app /cache/final /contents/deps 2 /contents/profile.d
`
	if diff := cmp.Diff(wantOut, b.stdout); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
	want := lifecycle.DropletMetadata{
		LifecycleMetadata: lifecycle.BuildpackMetadata{BuildpackKey: "bp2", DetectedBuildpack: "n2", Buildpacks: []lifecycle.BuildpackInfo{
			{Key: "bp0", Name: "n0", Version: "1.0"}, {Key: "bp1", Name: "n1", Version: "1.1"},
			{Key: "bp2", Name: "n2", Version: "1.2", Config: &lifecycle.BuildpackConfig{EntrypointPrefix: "with prefix"}},
		}},
		ProcessTypes: map[string]string{"web": "from release", "worker": "work --hard", "extra": "e", "release": "migrate"},
		Processes: []lifecycle.ProcessType{
			{Type: "web", Command: "from release"}, {Type: "worker", Command: "work --hard"},
			{Type: "extra", Command: "e"}, {Type: "release", Command: "migrate"},
		},
		Sidecars:      []lifecycle.Sidecar{{Name: "proxy", ProcessTypes: []string{"web"}, Command: "./proxy", MemoryMB: 32}},
		LifecycleType: "buildpack",
	}
	if diff := cmp.Diff(want, b.meta); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	info, err := os.ReadFile(filepath.Join(b.root, "contents", lifecycle.StagingInfoName))
	if err != nil {
		t.Fatal(err)
	}
	wantInfo := `{"detected_buildpack":"n2","start_command":"from release","config":{"entrypoint_prefix":"with prefix"}}` + "\n"
	if string(info) != wantInfo {
		t.Errorf("staging_info.yml %s", info)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	b := build1(t, project{detect: true, buildpacks: []scripts{
		{"README": ""},
		{"bin/detect": "echo no >&2; exit 1\n"},
		{"bin/detect": "printf 'two\\nlines\\r\\n'\n", "bin/compile": trace, "bin/release": quietRelease},
		{"bin/detect": "echo never\n"},
	}})
	if b.err != nil {
		t.Fatal(b.err)
	}
	if got := b.meta.LifecycleMetadata; got.DetectedBuildpack != "two\nlines" || got.BuildpackKey != "bp2" || len(got.Buildpacks) != 1 {
		t.Errorf("metadata %+v", got)
	}
	if b.stdout != "bp2 compile /app /cache/final\n" {
		t.Errorf("stdout %q", b.stdout)
	}
	want := "malformed buildpack does not contain a /bin dir: bp0\nno\nNo start command specified by buildpack or via Procfile.\nApp will not start unless a command is provided at runtime.\n"
	if b.stderr != want {
		t.Errorf("stderr %q", b.stderr)
	}
	if _, err := os.Stat(filepath.Join(b.root, "contents/deps/0")); err == nil {
		t.Error("deps/0 is there although bin/compile does not know it")
	}
}

// TestFailureNamesNobody: what bin/detect printed is the name of a buildpack
// that made a droplet.
func TestFailureNamesNobody(t *testing.T) {
	t.Parallel()
	b := build1(t, project{detect: true, buildpacks: []scripts{{"bin/detect": "echo it\n", "bin/compile": "exit 1\n"}}})
	if got := b.meta.LifecycleMetadata; b.code() != 223 || got.BuildpackKey != "bp0" || got.DetectedBuildpack != "" || got.Buildpacks[0].Name != "" {
		t.Errorf("code %d, metadata %+v", b.code(), got)
	}
}

// TestConfig: config.yml is taken as far as it can be read, and what it says
// beside the name goes on as JSON.
func TestConfig(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want lifecycle.BuildpackInfo
	}{
		"missing":       {"", lifecycle.BuildpackInfo{}},
		"broken":        {"name: [", lifecycle.BuildpackInfo{}},
		"a wrong type":  {"name: N\nversion: [1]\nconfig: {entrypoint_prefix: p}\n", lifecycle.BuildpackInfo{Name: "N", Config: &lifecycle.BuildpackConfig{EntrypointPrefix: "p"}}},
		"numbers":       {"name: 7\nversion: 1.10\n", lifecycle.BuildpackInfo{Name: "7", Version: "1.10"}},
		"key":           {"name: N\nkey: other\n", lifecycle.BuildpackInfo{Name: "N"}},
		"more metadata": {"output_metadata: {a: 1, b: {c: [x, {2: z}]}, d: .inf}\n", lifecycle.BuildpackInfo{OutputMetadata: map[string]any{"a": 1, "b": map[string]any{"c": []any{"x", map[string]any{"2": "z"}}}, "d": "+Inf"}}},
		"long name":     {"name: " + strings.Repeat("é", 200) + "\n", lifecycle.BuildpackInfo{Name: strings.Repeat("é", 128)}},
		"no metadata":   {"name: N\noutput_metadata: {}\n", lifecycle.BuildpackInfo{Name: "N"}},
		"YAML 1.2":      {"name: yes\noutput_metadata: {y: on, n: {y: no}}\n", lifecycle.BuildpackInfo{Name: "yes", OutputMetadata: map[string]any{"y": "on", "n": map[string]any{"y": "no"}}}},
		"twice":         {"name: a\nname: b\n", lifecycle.BuildpackInfo{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			supply := "true\n"
			if test.file != "" {
				supply = "cat > \"$3/$4/config.yml\" <<'END'\n" + test.file + "END\n"
			}
			b := build1(t, project{buildpacks: []scripts{{"bin/supply": supply, "bin/finalize": "", "bin/release": quietRelease}}})
			if b.err != nil {
				t.Fatal(b.err, b.stderr)
			}
			test.want.Key = "bp0"
			warned := strings.Contains(b.stderr, "WARNING: not all of the buildpack's deps/0/config.yml can be read: yaml: ")
			if warned != (name == "broken" || name == "a wrong type" || name == "twice") {
				t.Errorf("stderr %q", b.stderr)
			}
			if diff := cmp.Diff([]lifecycle.BuildpackInfo{test.want}, b.meta.LifecycleMetadata.Buildpacks); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, err := json.Marshal(b.meta); err != nil {
				t.Error(err)
			}
		})
	}
}

// What bin/detect prints is a name, and goes where there is little room: a lot
// of it is cut.
func TestDetectPrintsMuch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ detect, want string }{
		"two lines":  {"printf 'a\\nb\\r\\n'", "a\nb"},
		"many":       {"seq -f 'line %.0f' 20000", "line 1"},
		"a long one": {"head -c 100000 /dev/zero | tr '\\0' x", strings.Repeat("x", maxName)},
	} {
		b := build1(t, project{detect: true, buildpacks: []scripts{{"bin/detect": test.detect + "\n", "bin/compile": "", "bin/release": quietRelease}}})
		if got := b.meta.LifecycleMetadata; b.err != nil || got.DetectedBuildpack != test.want || got.Buildpacks[0].Name != test.want {
			t.Errorf("%s: %.300q (%v)", name, got.DetectedBuildpack, b.err)
		}
	}
}

// TestRunDirs: a buildpack may have made the folders beside the app's.
func TestRunDirs(t *testing.T) {
	t.Parallel()
	b := build1(t, project{buildpacks: []scripts{{"bin/supply": `mkdir "$3/../tmp" && echo x > "$3/../tmp/kept"` + "\n", "bin/finalize": "", "bin/release": quietRelease}}})
	if b.err != nil {
		t.Fatal(b.err, b.stderr)
	}
	for _, name := range []string{"tmp/kept", "logs"} {
		if _, err := os.Stat(filepath.Join(b.root, "contents", name)); err != nil {
			t.Error(err)
		}
	}
}

func TestLastBuildpackWithoutFinalize(t *testing.T) {
	t.Parallel()
	b := build1(t, project{buildpacks: []scripts{{"bin/supply": ""}, {"bin/compile": "", "bin/release": quietRelease}}})
	if b.err != nil || !strings.HasPrefix(b.stderr, "Warning: the last buildpack is not compatible with multi-buildpack apps") {
		t.Errorf("%v, stderr %q", b.err, b.stderr)
	}
}

func TestNestedBuildpack(t *testing.T) {
	t.Parallel()
	b := build1(t, project{buildpacks: []scripts{{"nested/bin/compile": trace, "nested/bin/release": quietRelease}}})
	if b.err != nil || b.stdout != "nested compile /app /cache/final\n" {
		t.Errorf("%v, stdout %q", b.err, b.stdout)
	}
}

func TestDepsIndex(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]string{1: "0", 9: "0", 10: "00", 11: "00", 100: "000"} {
		b := build{Config: Config{SkipDetect: true, Buildpacks: make([]Buildpack, count)}}
		if got := b.depsIndex(0); got != want {
			t.Errorf("%d buildpacks: %q, want %q", count, got, want)
		}
	}
}

func TestKeyHash(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"nested-buildpack": "ba8ed7547bcbcb08",
		"https://github.com/cloudfoundry/ruby-buildpack": "0e1df1251578f504",
	} {
		if got := KeyHash(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestParseProcfile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want map[string]string
		fail bool
	}{
		"two":        {"web: npm start\nworker: w\n", map[string]string{"web": "npm start", "worker": "w"}, false},
		"empty":      {"", map[string]string{}, false},
		"comment":    {"web: run # here\n", map[string]string{"web": "run"}, false},
		"duplicate":  {"web: a\nweb: b\n", map[string]string{"web": "b"}, false},
		"no command": {"web:\n", map[string]string{"web": ""}, false},
		"CRLF":       {"web: a\r\nx: b\r\n", map[string]string{"web": "a", "x": "b"}, false},
		"BOM":        {"\ufeffweb: a\n", map[string]string{"web": "a"}, false},
		"case":       {"Web: a\nweb: b\n", map[string]string{"Web": "a", "web": "b"}, false},
		"colon":      {"web: echo a: b\n", nil, true},
		"quoted":     {"web: \"q\" rest\n", nil, true},
		"at":         {"web: @x\n", nil, true},
		"no blank":   {"web:node\n", nil, true},
		"tab":        {"web:\n\t- a\n", nil, true},
	}
	for name, test := range tests {
		got, err := parseProcfile([]byte(test.text))
		if (err != nil) != test.fail {
			t.Errorf("%s: error %v", name, err)
		}
		commands := map[string]string{}
		for _, p := range got {
			commands[p.Type] = p.Command
		}
		if diff := cmp.Diff(test.want, commands); !test.fail && diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestProcfileError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web: a\nworker: caf\xe9\n":    `invalid YAML in line 2: "worker: caf\xe9": save the file as UTF-8`,
		"web: a\x01b\n":                `invalid YAML in line 1: "web: a\x01b": remove the control character in it`,
		"web: a\nworker: echo a: b\n":  `invalid YAML in line 2: "worker: echo a: b": quote the command, which has a colon and a blank in it or starts with a sign, as in worker: 'echo a: b'`,
		"web: \"it's\" rest\r\n":       `invalid YAML in line 1: "web: \"it's\" rest": quote the command, which has a colon and a blank in it or starts with a sign, as in web: '"it''s" rest'`,
		"# types\n\nweb:node app.js\n": `invalid YAML in line 3: "web:node app.js": write web: node app.js, with a blank after the colon`,
		"\tweb: a\n":                   `invalid YAML in line 1: "\tweb: a": begin it without a tab`,
		"npm start\n":                  `invalid YAML in line 1: "npm start": write TYPE: COMMAND`,
		"web:\n  command: a\n":         `invalid YAML in lines 1 to 2: "web:\n  command: a": write TYPE: COMMAND in one line, or TYPE: | and the command's lines below it, all indented alike`,

		"web: |\n  echo a: b\n  exec c\n\nworker: echo a: b\n": `invalid YAML in line 5: "worker: echo a: b": quote`,
		"web: &a b\nworker: *a\nclock: @c\n":                   `invalid YAML in line 3: "clock: @c": quote`,
		"web: >\n   a\n  b: c\nworker: d\n":                    `invalid YAML in lines 1 to 3: "web: >\n   a\n  b: c": write`,
		"web: *a\n":                                            `invalid YAML: write a line TYPE: COMMAND for each process: yaml: unknown anchor 'a' referenced`,
	} {
		_, err := parseProcfile([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseProcfile(f *testing.F) {
	for _, seed := range []string{"web: a\n", "web: &a b\nx: *a\n", "{web: a}", "web: |\n a\n b\n", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		processes, err := parseProcfile(content)
		if err != nil {
			return
		}
		for i := 1; i < len(processes); i++ {
			if processes[i-1].Type >= processes[i].Type {
				t.Errorf("not sorted or twice: %v", processes)
			}
		}
	})
}
