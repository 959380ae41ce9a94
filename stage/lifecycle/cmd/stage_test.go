package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wadi/internal/testport"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

const stagingKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// staged is a staging against a real blob store.
type staged struct {
	*running
	store *blob.Client
	input lifecycle.Staging
	uid   int // of stagings again; 0 = whoever runs the tests
}

// startStaging stages files with buildpacks: name -> files of a blob, nil for
// a built-in one.
func startStaging(t *testing.T, files map[string]string, names []string, buildpacks map[string]map[string]string, change func(*lifecycle.Staging)) staged {
	t.Helper()
	store := blobStore(t)
	input := lifecycle.Staging{
		BlobURL: store.URL, Space: "default", App: "shop", StagingKey: stagingKey, Generation: 1,
		Package: uploadPackage(t, store, files), Stack: "cflinuxfs4", MemoryMB: 1024, DiskMB: 4096, SkipDetect: true,
		Env: map[string]string{"GREETING": "hi"},
	}
	for _, name := range names {
		ref := lifecycle.BuildpackRef{Key: name, Name: name}
		if content := buildpacks[name]; content != nil {
			ref.Blob = upload(t, store, content)
		} else {
			ref.Builtin = name
		}
		input.Buildpacks = append(input.Buildpacks, ref)
	}
	if change != nil {
		change(&input)
	}
	dir := newTask(t, map[string]any{lifecycle.StagingFile: input})
	return staged{running: start(t, dir, "stage"), store: store, input: input}
}

// again stages the same input as the next generation, with the cache that
// this one left.
func (s staged) again(change func(*lifecycle.Staging)) staged {
	s.t.Helper()
	input := s.input
	input.Generation++
	input.Cache = s.result().Cache
	if change != nil {
		change(&input)
	}
	dir := newTask(s.t, map[string]any{lifecycle.StagingFile: input})
	return staged{running: startAs(s.t, s.uid, dir, "stage"), store: s.store, input: input, uid: s.uid}
}

// buildPatience is far more than a build takes that compiles Go's own packages
// from nothing, on a machine that is slow and compiles other things beside it.
const buildPatience = 10 * time.Minute

// succeeded waits for the end of a build and returns the result.
func (s staged) succeeded() lifecycle.Result {
	s.t.Helper()
	if code := s.exitCodeWithin(buildPatience); code != 0 {
		s.t.Fatalf("exit code %d", code)
	}
	result := s.result()
	if result.Generation != s.input.Generation {
		s.t.Fatalf("generation %d, want %d", result.Generation, s.input.Generation)
	}
	return result
}

func (s staged) result() lifecycle.Result {
	s.t.Helper()
	body, err := s.store.Result(s.t.Context(), "default", stagingKey)
	if err != nil {
		s.t.Fatal(err)
	}
	var result lifecycle.Result
	if err := json.Unmarshal(body, &result); err != nil {
		s.t.Fatal(err)
	}
	return result
}

func TestStageAndRunStaticFiles(t *testing.T) {
	t.Parallel()
	before := time.Now().Unix()
	s := startStaging(t, map[string]string{
		"Staticfile": "root: site\n", "site/index.html": "the site\n", "secret.txt": "not served\n",
	}, []string{"binary", "procfile", "staticfile"}, nil, func(in *lifecycle.Staging) { in.SkipDetect = false })
	if code := s.exitCode(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, s.stdout, s.stderr)
	}
	contains(t, "stdout", s.stdout.String(), "Downloading app package...\nDownloaded app package (31B)\n",
		`-----> Static files: serving folder "site"`, "Uploading droplet...\nUploaded droplet (", "Uploading complete\n")
	result := s.result()
	want := lifecycle.DropletMetadata{
		LifecycleMetadata: lifecycle.BuildpackMetadata{
			BuildpackKey: "staticfile", DetectedBuildpack: "staticfile",
			Buildpacks: []lifecycle.BuildpackInfo{{Key: "staticfile", Name: "staticfile"}},
		},
		ProcessTypes:  map[string]string{"web": serveCommand},
		Processes:     []lifecycle.ProcessType{{Type: "web", Command: serveCommand}},
		LifecycleType: "buildpack",
	}
	if diff := cmp.Diff(want, result.DropletMetadata); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if after := time.Now().Unix(); result.StagedAt < before || result.StagedAt > after || result.Generation != 1 {
		t.Errorf("result %+v, staged between %d and %d", result, before, after)
	}
	s.checkLog(result.Log)
	s.checkRuns(result)
}

// checkLog compares the uploaded log with what was printed.
func (s staged) checkLog(digest string) {
	s.t.Helper()
	r, err := s.store.Open(s.t.Context(), digest)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	log, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if string(log) != s.stdout.String() { // nothing was written to stderr
		s.t.Errorf("log %q, stdout %q", log, s.stdout)
	}
}

var smallWeb = lifecycle.RunProcess{Type: "web", MemoryMB: 64, DiskMB: 64, Health: portCheck}

func (s staged) checkRuns(result lifecycle.Result) {
	s.t.Helper()
	revision := lifecycle.Revision{
		BlobURL: s.store.URL, Droplet: result.Droplet, StagedAt: result.StagedAt,
	}
	w := startInstance(s.t, app{dir: newTask(s.t, map[string]any{lifecycle.RevisionFile: revision, lifecycle.EnvironmentFile: lifecycle.Environment{}, lifecycle.ProcessFile: smallWeb})})
	w.ready()
	for path, want := range map[string]string{"/": "the site\n", "/secret.txt": "404 Not Found\n", "/Staticfile": "404 Not Found\n"} {
		response, err := http.Get("http://127.0.0.1:" + w.port + path)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != want {
			s.t.Errorf("%s: %q, %v", path, body, err)
		}
	}
	w.signal(syscall.SIGTERM)
	if code := w.exitCode(); code != 0 {
		s.t.Errorf("exit code %d", code)
	}
}

func TestStageEnds(t *testing.T) {
	t.Parallel()
	script := func(name, content string) map[string]string {
		files := map[string]string{"bin/compile": "#!/bin/sh\n", "bin/release": "#!/bin/sh\necho '{}'\n", "bin/detect": "#!/bin/sh\nexit 1\n"}
		files["bin/"+name] = "#!/bin/sh\n" + content
		return files
	}
	tests := map[string]struct {
		buildpack map[string]string
		change    func(*lifecycle.Staging)
		code      int
		stdout    string
		stderr    string
	}{
		"nothing detects": {script("detect", "exit 1\n"), func(in *lifecycle.Staging) { in.SkipDetect = false }, 222, "", "None of the buildpacks detected a compatible application\nExit status 222\n"},
		"compile fails":   {script("compile", "echo building; exit 3\n"), nil, 223, "building\n", "Failed to compile droplet: Failed to compile droplet: exit status 3\nExit status 223\n"},
		"release fails":   {script("release", "exit 4\n"), nil, 224, "", "Failed to build droplet release: exit status 4\nExit status 224\n"},
		"timeout":         {script("compile", "sleep 1000\n"), func(in *lifecycle.Staging) { in.TimeoutS = 1 }, lifecycle.ExitStagingTimeout, "", "): make the build smaller, or give it more time (wadi apply --staging-timeout)\nExit status 124\n"},
		"refused":         {script("compile", ""), func(in *lifecycle.Staging) { in.Package = strings.Repeat("0", 64) }, 1, "Downloading app package...\n", "apply the app again, which uploads what is missing\nExit status 1\n"},
		"too big":         {script("compile", ""), func(in *lifecycle.Staging) { in.DiskMB = 1 }, 1, "", "downloading the app package: cannot unpack entry \"app/big\""},
		"background":      {script("compile", "sleep 1000 & setsid sleep 1000 &\nexit 0\n"), nil, 0, "Uploading complete\n", "No start command specified by buildpack or via Procfile.\nApp will not start unless a command is provided at runtime.\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStaging(t, map[string]string{"big": strings.Repeat("x", 2<<20)}, []string{"bp"}, map[string]map[string]string{"bp": test.buildpack}, test.change)
			if code := s.exitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			contains(t, "stdout", s.stdout.String(), test.stdout)
			contains(t, "stderr", s.stderr.String(), test.stderr)
			_, err := s.store.Result(t.Context(), "default", stagingKey)
			if (err == nil) != (test.code == 0) {
				t.Errorf("result: %v", err)
			}
		})
	}
}

// TestStageEnvironment: buildpacks see what is in the staging key, as the
// allocation's user without any right, and neither the agent's environment nor secrets.
func TestStageEnvironment(t *testing.T) {
	t.Parallel()
	s := startStaging(t, map[string]string{"Procfile": "web: run me\n"}, []string{"bp", "procfile"}, map[string]map[string]string{"bp": {
		"bin/supply": `#!/bin/bash
env | sort > "$1/env.txt"
grep -E '^(Uid|CapEff|CapBnd)' /proc/self/status
cat "$2/../../../../secrets/staging.json" && echo read
echo "files $(ulimit -n) umask $(umask)"
echo to stderr > /dev/stderr
echo 'name: supplier' > "$3/$4/config.yml"
`,
	}}, nil)
	if code := s.exitCode(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, s.stdout, s.stderr)
	}
	env, err := os.ReadFile(filepath.Join(s.taskDir, "local/staging/droplet/app/env.txt"))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(s.taskDir, "local/staging")
	want := `CF_INSTANCE_ADDR=
CF_INSTANCE_PORT=
CF_INSTANCE_PORTS=[]
CF_STACK=cflinuxfs4
GREETING=hi
HOME=` + root + `/home
LANG=en_US.UTF-8
MEMORY_LIMIT=1024m
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PWD=` + root + `/home
SHLVL=0
TMPDIR=` + root + `/tmp
USER=vcap
VCAP_APPLICATION={}
VCAP_SERVICES={}
_=/usr/bin/env
`
	if diff := cmp.Diff(want, strings.Replace(string(env), "SHLVL=1", "SHLVL=0", 1)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	contains(t, "stderr", s.stderr.String(), "to stderr\n")
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	contains(t, "stdout", s.stdout.String(), fmt.Sprintf("files %d umask 0022\n", min(limit.Max, 16384)))
	if os.Getuid() == 0 {
		contains(t, "stdout", s.stdout.String(), fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n", taskUser()))
		if strings.Contains(s.stdout.String(), "read\n") {
			t.Error("the buildpack could read the secrets")
		}
	}
	infos := s.result().LifecycleMetadata.Buildpacks
	if diff := cmp.Diff([]lifecycle.BuildpackInfo{{Key: "bp", Name: "supplier"}, {Key: "procfile", Name: "procfile"}}, infos); diff != "" {
		t.Error(diff)
	}
}

// TestStageBinary: the buildpack that has to be named brings a command that
// says what is missing.
func TestStageBinary(t *testing.T) {
	t.Parallel()
	s := startStaging(t, map[string]string{"server": "x"}, []string{"binary"}, nil, nil)
	if code := s.exitCode(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	result := s.result()
	revision := lifecycle.Revision{BlobURL: s.store.URL, Droplet: result.Droplet}
	w := startInstance(t, app{dir: newTask(t, map[string]any{lifecycle.RevisionFile: revision, lifecycle.EnvironmentFile: lifecycle.Environment{}, lifecycle.ProcessFile: smallWeb})})
	if code := w.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", w.stderr.String(), "Error: no start command specified during staging or launch\n")
}

func TestStageStopped(t *testing.T) {
	t.Parallel()
	s := startStaging(t, map[string]string{"f": "x"}, []string{"bp"}, map[string]map[string]string{"bp": {
		"bin/compile": "#!/bin/sh\nsetsid sleep 1000 & echo \"pid $!\"\nsleep 1000\n",
	}}, nil)
	s.eventually("the build runs", func() bool { return strings.Contains(s.stdout.String(), "pid ") })
	s.signal(syscall.SIGTERM)
	if code := s.exitCode(); code != 143 {
		t.Errorf("exit code %d", code)
	}
	_, after, _ := strings.Cut(s.stdout.String(), "pid ")
	pid, _, _ := strings.Cut(after, "\n")
	s.eventually("the build's process in another session has ended", func() bool { return !isRunning(pid) })
}

func TestStageWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("all tests run without root then")
	}
	store := blobStore(t)
	dir := newTask(t, map[string]any{lifecycle.StagingFile: lifecycle.Staging{
		BlobURL: store.URL, Space: "default", StagingKey: stagingKey, Generation: 1,
		Package:    uploadPackage(t, store, map[string]string{"Procfile": "web: ./run\n"}),
		Buildpacks: []lifecycle.BuildpackRef{{Key: "staticfile", Builtin: "staticfile"}, {Key: "procfile", Builtin: "procfile"}},
	}})
	s := staged{running: startAs(t, 1234, dir, "stage"), store: store}
	if code := s.exitCode(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := s.result().ProcessTypes["web"]; got != "./run" {
		t.Errorf("command %q", got)
	}
}

// TestStageTwice: a generation is written once; who comes second says so.
func TestStageTwice(t *testing.T) {
	t.Parallel()
	store := blobStore(t)
	first := []byte(`{"generation":1}`)
	if err := store.PutResult(t.Context(), "default", stagingKey, 1, first); err != nil {
		t.Fatal(err)
	}
	dir := newTask(t, map[string]any{lifecycle.StagingFile: lifecycle.Staging{
		BlobURL: store.URL, Space: "default", StagingKey: stagingKey, Generation: 1, SkipDetect: true,
		Package:    uploadPackage(t, store, map[string]string{"f": "x"}),
		Buildpacks: []lifecycle.BuildpackRef{{Key: "binary", Builtin: "binary"}},
	}})
	r := start(t, dir, "stage")
	if code := r.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stdout", r.stdout.String(), "Another staging of the same input has finished first")
	if stored, err := store.Result(t.Context(), "default", stagingKey); err != nil || string(stored) != string(first) {
		t.Errorf("stored %s, %v", stored, err)
	}
}

func TestStageWithoutBlobStore(t *testing.T) {
	t.Parallel()
	dir := newTask(t, map[string]any{lifecycle.StagingFile: lifecycle.Staging{
		BlobURL: fmt.Sprintf("http://127.0.0.1:%d", testport.Free(t)), Package: strings.Repeat("0", 64),
		Buildpacks: []lifecycle.BuildpackRef{{Key: "binary", Builtin: "binary"}},
	}})
	r := start(t, dir, "stage")
	if code := r.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", r.stderr.String(), "downloading the app package: ", "connection refused", "is the blob store running?", "Exit status 1\n")
}

func TestStageRefusedToken(t *testing.T) {
	t.Parallel()
	store := blobStore(t)
	dir := newTask(t, map[string]any{lifecycle.StagingFile: lifecycle.Staging{
		BlobURL: store.URL, Package: strings.Repeat("0", 64),
		Buildpacks: []lifecycle.BuildpackRef{{Key: "binary", Builtin: "binary"}},
	}})
	if err := os.WriteFile(filepath.Join(dir, "secrets", lifecycle.IdentityFile), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, "stage")
	if code := r.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", r.stderr.String(), "the blob store refused the identity of this task", "Exit status 1\n")
}
