package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"wadi/internal/testprogram"
	"wadi/stage/lifecycle/builder"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // modes are compared
	if os.Getenv("BUILD_UMASK") == "077" {
		syscall.Umask(0o077)
	}
	if os.Getenv("BUILD_NOHUP") != "" {
		signal.Ignore(syscall.SIGHUP)
	}
	if len(os.Args) > 1 && os.Args[1] == "build" { // started again by the tests
		os.Exit(Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// files are a tree: path -> content; "-> x" is a link, those in a folder bin
// are scripts.
type files map[string]string

func (f files) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mode := os.FileMode(0o644)
		if filepath.Base(filepath.Dir(path)) == "bin" {
			content, mode = "#!/bin/bash\n"+content, 0o755
		}
		testprogram.Write(t, path, content, mode)
	}
}

// machine is the folders that a build reads and writes, below root.
type machine struct {
	t    *testing.T
	root string
	keys []string
	env  []string
}

func newMachine(t *testing.T, app files) *machine {
	t.Helper()
	m := &machine{t: t, root: t.TempDir(), env: []string{"PATH=/usr/bin:/bin"}}
	if err := os.MkdirAll(m.path("tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(m.path("app"), 0o755); err != nil {
		t.Fatal(err)
	}
	app.write(t, m.path("app"))
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

// add puts a buildpack where the builder looks for its key.
func (m *machine) add(key string, f files) *machine {
	m.t.Helper()
	f.write(m.t, m.path("buildpacks/"+builder.KeyHash(key)))
	m.keys = append(m.keys, key)
	return m
}

// ended is a build that has ended; the root is cut out of its output.
type ended struct {
	*machine
	code           int
	stdout, stderr string
}

// contents is the temporary folder that the droplet is made in.
var contents = regexp.MustCompile(`contents\d+`)

func (m *machine) run(args ...string) ended {
	m.t.Helper()
	self, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	all := []string{
		"build", "--build-dir", "app", "--buildpacks-dir=buildpacks", "--buildpacks-download-dir=" + m.path("downloads"),
		"--build-artifacts-cache-dir", "cache", "--buildpack-order", strings.Join(m.keys, ","),
		"--output-droplet", "out/droplet", "--output-metadata", "out/result.json", "--output-build-artifacts-cache", "kept/cache",
	}
	cmd := exec.Command(self, append(all, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.root, &stdout, &stderr
	cmd.Env = append([]string{"TMPDIR=" + m.path("tmp")}, m.env...)
	_ = cmd.Run() // the code says it
	clean := func(s string) string {
		return contents.ReplaceAllString(strings.ReplaceAll(s, m.root, ""), "contents")
	}
	if left, err := os.ReadDir(m.path("tmp")); err != nil || len(left) != 0 {
		m.t.Errorf("left in the folder of temporary files: %v, %v", left, err)
	}
	return ended{m, cmd.ProcessState.ExitCode(), clean(stdout.String()), clean(stderr.String())}
}

func (e ended) want(code int, stderr string) {
	e.t.Helper()
	if e.code != code || e.stderr != stderr {
		e.t.Errorf("code %d, stderr %q; want %d, %q", e.code, e.stderr, code, stderr)
	}
}

func (e ended) read(name string) []byte {
	e.t.Helper()
	content, err := os.ReadFile(e.path(name))
	if err != nil {
		e.t.Fatal(err)
	}
	return content
}

// listing is the entries of a tar stream, with the contents of small files.
func listing(t *testing.T, r io.Reader) []string {
	t.Helper()
	var lines []string
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		line := strings.TrimRight(fmt.Sprintf("%c %04o %s %s", h.Typeflag, h.Mode, h.Name, h.Linkname), " ")
		if len(content) > 0 {
			line += fmt.Sprintf(" %q", content)
		}
		lines = append(lines, line)
	}
}

func (e ended) gzipped(name string) []string {
	e.t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(e.read(name)))
	if err != nil {
		e.t.Fatal(err)
	}
	return listing(e.t, z)
}

const echoArgs = `echo "$(basename "$0")" "$@"` + "\n"

var full = files{
	"bin/detect":   "echo full\n",
	"bin/supply":   echoArgs + `printf 'name: n\nversion: "1"\n' > "$3/$4/config.yml"; mkdir "$3/$4/bin" && ln -s ../tool "$3/$4/bin/tool"` + "\n",
	"bin/finalize": echoArgs + `echo 'export A=1' > "$5/a.sh"; echo kept > "$2/kept"; ln "$1/f" "$1/hard"` + "\n",
	"bin/release":  "echo 'default_process_types: {web: ./run}'\n",
}

// TestBuild has the whole of what a build leaves.
func TestBuild(t *testing.T) {
	t.Parallel()
	m := newMachine(t, files{"f": "x", "link": "-> f", "away": "-> /nowhere", ".profile.d/p.sh": "p"})
	files{"stray": "x", "old/f": "x", "final/before": "b"}.write(t, m.path("cache"))
	e := m.add("supplier", files{"bin/supply": echoArgs + `echo "$PWD $(umask) $(id -u)"; touch "$2/s"` + "\n"}).add("full", full).run("--skip-detect")
	e.want(0, "")
	supplier := builder.KeyHash("supplier")
	wantOut := "supply /app /cache/" + supplier + " /tmp/contents/deps 0\n" + fmt.Sprintf(" 0022 %d\n", os.Getuid()) +
		"supply /app /cache/final /tmp/contents/deps 1\nfinalize /app /cache/final /tmp/contents/deps 1 /tmp/contents/profile.d\n"
	if diff := cmp.Diff(wantOut, e.stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	wantResult := `{"lifecycle_metadata":{"buildpack_key":"full","detected_buildpack":"n","buildpacks":[{"key":"supplier","name":""},{"key":"full","name":"n","version":"1"}]},` +
		`"process_types":{"web":"./run"},"processes":[{"type":"web","command":"./run"}],"execution_metadata":"","lifecycle_type":"buildpack"}` + "\n"
	if got := string(e.read("out/result.json")); got != wantResult {
		t.Errorf("result %s", got)
	}
	wantDroplet := []string{
		"5 0700 ./", "5 0755 ./app/", "5 0755 ./app/.profile.d/", `0 0644 ./app/.profile.d/p.sh "p"`, "2 0777 ./app/away /nowhere",
		`0 0644 ./app/f "x"`, "1 0644 ./app/hard ./app/f", "2 0777 ./app/link f",
		"5 0755 ./deps/", "5 0755 ./deps/0/", "5 0755 ./deps/1/", "5 0755 ./deps/1/bin/", "2 0777 ./deps/1/bin/tool ../tool",
		`0 0644 ./deps/1/config.yml "name: n\nversion: \"1\"\n"`, "5 0755 ./logs/", "5 0755 ./profile.d/", `0 0644 ./profile.d/a.sh "export A=1\n"`,
		`0 0644 ./staging_info.yml "{\"detected_buildpack\":\"n\",\"start_command\":\"./run\"}\n"`, "5 0755 ./tmp/",
	}
	if diff := cmp.Diff(wantDroplet, e.gzipped("out/droplet")); diff != "" {
		t.Errorf("droplet (-want +got):\n%s", diff)
	}
	wantCache := []string{"5 0755 ./", "5 0755 ./" + supplier + "/", "0 0644 ./" + supplier + "/s", "5 0755 ./final/", `0 0644 ./final/before "b"`, `0 0644 ./final/kept "kept\n"`}
	got := e.gzipped("kept/cache")
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(a[7:], b[7:]) })
	slices.SortFunc(wantCache, func(a, b string) int { return strings.Compare(a[7:], b[7:]) })
	if diff := cmp.Diff(wantCache, got); diff != "" {
		t.Errorf("cache (-want +got):\n%s", diff)
	}
}

// TestFlagsOfTheReference: the same with its own names and one dash.
func TestFlagsOfTheReference(t *testing.T) {
	t.Parallel()
	m := newMachine(t, files{"f": "x"}).add("full", full)
	e := m.run("-skipDetect=false", "-outputDroplet="+m.path("other/droplet.tgz"), "-skipCertVerify=true", "-credhubConnectAttempts=9", "-credhubRetryDelay=3s")
	e.want(0, "")
	if got := e.gzipped("other/droplet.tgz"); len(got) < 10 {
		t.Errorf("droplet %q", got)
	}
	if result := string(e.read("out/result.json")); !strings.Contains(result, `"detected_buildpack":"n"`) {
		t.Errorf("result %s", result)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		args []string
		want compression
	}{
		"no suffix":   {"droplet", nil, asGzip},
		"tgz":         {"droplet.tgz", nil, asGzip},
		"tar.zst":     {"droplet.tar.zst", nil, asZstd},
		"tar":         {"droplet.tar", nil, asNone},
		"zstd wanted": {"droplet", []string{"--compression=zstd"}, asZstd},
		"none wanted": {"droplet.tgz", []string{"--compression=none"}, asNone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, files{"f": "x"}).add("full", full)
			e := m.run(append(test.args, "--output-droplet", test.file)...)
			e.want(0, "")
			r := io.Reader(bytes.NewReader(e.read(test.file)))
			var err error
			switch test.want {
			case asGzip:
				r, err = gzip.NewReader(r)
			case asZstd:
				r, err = zstd.NewReader(r)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(t, r); got[0] != "5 0700 ./" {
				t.Errorf("first entry %q", got[0])
			}
		})
	}
}

// TestFailed: a result says which buildpacks were chosen, and a droplet that
// was there before stays.
func TestFailed(t *testing.T) {
	t.Parallel()
	broken := files{"bin/detect": "", "bin/compile": "echo out; echo err >&2; exit 3\n"}
	m := newMachine(t, files{"f": "x"}).add("broken", broken)
	files{"droplet": "before"}.write(t, m.path("out"))
	e := m.run()
	e.want(223, "err\nFailed to compile droplet: Failed to compile droplet: exit status 3\n")
	want := `{"lifecycle_metadata":{"buildpack_key":"broken","detected_buildpack":"","buildpacks":[{"key":"broken","name":""}]},"process_types":null,"execution_metadata":"","lifecycle_type":"buildpack"}` + "\n"
	if got := string(e.read("out/result.json")); e.stdout != "out\n" || got != want || string(e.read("out/droplet")) != "before" {
		t.Errorf("stdout %q, result %s", e.stdout, got)
	}
	if entries, err := os.ReadDir(m.path("out")); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}

	none := newMachine(t, nil).add("none", files{"bin/detect": "exit 1\n"}).run()
	none.want(222, "None of the buildpacks detected a compatible application\n")
	if _, err := os.Stat(none.path("out/result.json")); err == nil {
		t.Error("there is a result although no buildpack was chosen")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env    string
		args   []string
		code   int
		stderr string
	}{
		"no order":            {"", []string{"--buildpack-order="}, 1, "missing flag: --buildpack-order\n"},
		"two empty":           {"", []string{"--build-dir=", "--output-droplet="}, 1, "missing flag: --build-dir, missing flag: --output-droplet\n"},
		"unknown":             {"", []string{"--nope"}, 2, "flag provided but not defined: -nope\nusage: "},
		"argument":            {"", []string{"--skip-detect", "true", "--build-dir=x"}, 2, "unexpected argument \"true\" before a flag: values of flags are written --flag=value\n"},
		"argument at the end": {"", []string{"--skip-detect", "true"}, 0, "WARNING: ignored what follows the flags: true\n" + noCommand},
		"compression":         {"", []string{"--compression=xz"}, 2, "invalid value \"xz\" for flag -compression: it is gzip, zstd or none\n"},
		"help":                {"", []string{"--help"}, 0, "usage: lifecycle build"},
		"key is no URL":       {"", []string{"--buildpack-order", "git@host:o/r.git"}, 1, "Invalid buildpack url (git@host:o/r.git): parse \"git@host:o/r.git\""},
		"nothing is there":    {"", []string{"--skip-detect", "--buildpack-order", "gone"}, 225, "Failed to run all supply scripts: Failed to read buildpack directory '/buildpacks/" + builder.KeyHash("gone") + "' for buildpack 'gone'\n"},
		"platform options":    {"VCAP_PLATFORM_OPTIONS={", nil, 3, "Invalid platform options: unexpected end of JSON input\n"},
		"no app":              {"", []string{"--build-dir", "gone"}, 1, "Failed to set up filesystem when generating droplet: the app: open /gone: no such file or directory\n"},
		"droplet's folder":    {"", []string{"--output-droplet", "app/f/droplet"}, 1, "Failed to set up filesystem when generating droplet: mkdir /app/f: not a directory\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, files{"f": "x"}).add("c", files{"bin/detect": "", "bin/compile": "", "bin/release": ""})
			m.env = append(m.env, test.env)
			e := m.run(test.args...)
			if e.code != test.code || !strings.HasPrefix(strings.TrimPrefix(e.stderr, noCommand), test.stderr) {
				t.Errorf("code %d, stderr %q; want %d, %q", e.code, e.stderr, test.code, test.stderr)
			}
		})
	}
	credHub := newMachine(t, nil).add("full", full)
	credHub.env = append(credHub.env, `VCAP_PLATFORM_OPTIONS={"credhub-uri":"https://c"}`, `VCAP_SERVICES={"a":[{"credentials":{"credhub-ref":"/c"}}]}`)
	if e := credHub.run(); e.code != 4 || !strings.HasPrefix(e.stderr, "Unable to interpolate credhub refs: there is no CredHub here") {
		t.Errorf("code %d, stderr %q", e.code, e.stderr)
	}
}

const noCommand = "No start command specified by buildpack or via Procfile.\nApp will not start unless a command is provided at runtime.\n"

// TestWhereBuildpacksLie: URLs have a folder of their own, md5 sums are looked
// at after xxhash64, and one folder inside may hold bin.
func TestWhereBuildpacksLie(t *testing.T) {
	t.Parallel()
	compile := files{"bin/compile": "echo here\n", "bin/release": "echo 'default_process_types: {web: x}'\n"}
	nested := files{"top/bin/compile": compile["bin/compile"], "top/bin/release": compile["bin/release"]}
	sum := func(key string) string { return fmt.Sprintf("%x", md5.Sum([]byte(key))) }
	tests := map[string]struct {
		key string
		at  map[string]files
	}{
		"url":            {"https://h/o/r", map[string]files{"downloads/" + builder.KeyHash("https://h/o/r"): compile}},
		"md5":            {"k", map[string]files{"buildpacks/" + sum("k"): compile}},
		"md5, nested":    {"k", map[string]files{"buildpacks/" + sum("k"): nested}},
		"both, md5 good": {"k", map[string]files{"buildpacks/" + builder.KeyHash("k"): {"x": ""}, "buildpacks/" + sum("k"): compile}},
		"nested":         {"k", map[string]files{"buildpacks/" + builder.KeyHash("k"): nested}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, files{"f": "x"})
			m.keys = []string{test.key}
			for dir, f := range test.at {
				f.write(t, m.path(dir))
			}
			e := m.run("--skip-detect")
			e.want(0, "")
			if e.stdout != "here\n" {
				t.Errorf("stdout %q", e.stdout)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil).add("env", files{"bin/compile": `env | grep -E '^(A|DATABASE_URL|VCAP_PLATFORM_OPTIONS|TMPDIR)=' | sort; cat; ls -a "$2"` + "\n", "bin/release": "echo 'default_process_types: {web: x}'\n"})
	m.env = append(m.env, "A=b", "DATABASE_URL=mine", `VCAP_SERVICES={"x":[{"credentials":{"uri":"mysql://h/d"}}]}`, "VCAP_PLATFORM_OPTIONS={}")
	e := m.run("--skip-detect")
	e.want(0, "")
	if want := "A=b\nDATABASE_URL=mysql2://h/d\nTMPDIR=/tmp\nVCAP_PLATFORM_OPTIONS={}\n.\n..\n"; e.stdout != want {
		t.Errorf("stdout %q", e.stdout)
	}
}

// TestOutputIsAPipe: it is written to, and not replaced.
func TestOutputIsAPipe(t *testing.T) {
	t.Parallel()
	m := newMachine(t, files{"f": "x"}).add("full", full)
	e := m.run("--output-droplet=/dev/stdout", "--compression=none")
	e.want(0, "")
	_, stream, ok := strings.Cut(e.stdout, "/profile.d\n")
	if !ok {
		t.Fatalf("stdout %q", e.stdout)
	}
	if got := listing(t, strings.NewReader(stream)); len(got) < 10 {
		t.Errorf("droplet %q", got)
	}
}

// TestLeftRunning: what a buildpack leaves running neither holds the build up
// nor outlives it.
func TestLeftRunning(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil).add("lazy", files{"bin/detect": "setsid sleep 1000 & echo $! > \"$1/pid\"; echo lazy\n", "bin/compile": "", "bin/release": ""})
	e := m.run()
	e.want(0, noCommand)
	pid := strings.TrimSpace(string(e.read("app/pid")))
	if _, err := os.Stat("/proc/" + pid); err == nil {
		t.Errorf("process %s is alive", pid)
	}
	var result struct {
		LifecycleMetadata struct {
			DetectedBuildpack string `json:"detected_buildpack"`
		} `json:"lifecycle_metadata"`
	}
	if err := json.Unmarshal(e.read("out/result.json"), &result); err != nil || result.LifecycleMetadata.DetectedBuildpack != "lazy" {
		t.Errorf("%+v, %v", result, err)
	}
}
