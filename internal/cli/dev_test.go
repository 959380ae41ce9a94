package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
	"wadi/stage/lifecycle/bin"
)

// devRun is one `wadi dev` in folders of its own, as another process.
type devRun struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	tmp    string // its TMPDIR: nothing may be left there
}

// output is what a process has written so far.
type output struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{} // closed when there is more; nil = nobody waits
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if o.grown != nil {
		close(o.grown)
		o.grown = nil
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// await waits until the pattern is found behind the offset, and answers what
// its group matched and the offset behind it.
func (o *output) await(t *testing.T, after int, pattern string) (group string, end int) {
	t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for timeout := time.After(testwait.Patience); ; {
		o.mu.Lock()
		if m := re.FindSubmatchIndex(o.text[after:]); m != nil {
			defer o.mu.Unlock()
			if len(m) > 2 {
				group = string(o.text[after+m[2] : after+m[3]])
			}
			return group, after + m[1]
		}
		if o.grown == nil {
			o.grown = make(chan struct{})
		}
		grown := o.grown
		o.mu.Unlock()
		select {
		case <-grown:
		case <-timeout:
			t.Fatalf("%q did not come in:\n%s", pattern, o.String()[after:])
		}
	}
}

// ordinaryUser is the uid and gid of nobody: Nomad wants one that has a name.
const ordinaryUser = 65534

// newDevRun prepares `wadi dev ARGS` in the folder dir. As an ordinary user
// (which takes root) everything is where that user can read it.
func newDevRun(t *testing.T, ordinary bool, dir string, args ...string) *devRun {
	t.Helper()
	home, err := os.MkdirTemp("", "wd") // short, and open to any user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	d := &devRun{tmp: filepath.Join(home, "t")}
	cache := filepath.Join(home, "cache")
	for _, folder := range []string{home, d.tmp, cache} {
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.Chmod(folder, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	shareLock(t, filepath.Join(cache, "ports.lock"))
	// from here, so that it is not built once a run
	if _, err := bin.Open(t.Context(), cache, runtime.GOARCH); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wadi, nomad := filepath.Join(home, "wadi"), filepath.Join(home, "nomad")
	copyFile(t, exe, wadi)
	copyFile(t, nomadtest.Binary(t), nomad)
	d.cmd = exec.Command(wadi, append([]string{"dev"}, args...)...)
	d.cmd.Dir = dir
	d.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + d.tmp, "WADI_CACHE_DIR=" + cache, "WADI_NOMAD=" + nomad,
		// about another Nomad, which must not be asked
		"NOMAD_ADDR=http://127.0.0.1:1", "NOMAD_TOKEN=none", "NOMAD_REGION=nowhere", "NOMAD_NAMESPACE=nowhere"}
	d.cmd.Stdout, d.cmd.Stderr = &d.stdout, &d.stderr
	if ordinary {
		if os.Getuid() != 0 {
			t.Skip("only root can become another user")
		}
		d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
		for _, folder := range []string{home, dir} {
			if out, err := exec.Command("chown", "-R", "65534:65534", folder).CombinedOutput(); err != nil {
				t.Fatalf("chown: %v\n%s", err, out)
			}
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("stderr:\n%s", d.stderr.String())
		}
	})
	return d
}

// shareLock makes all runs choose their ports one after the other, as those of
// one person do: each has a cache of its own, where the lock is.
func shareLock(t *testing.T, path string) {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "wadi-test-lock") // not in the open folder itself: others may not write to files there
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(dir, "ports.lock")
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if os.Getuid() == 0 { // for runs as an ordinary user
		if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(lock, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(lock, path); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func (d *devRun) start(t *testing.T) {
	t.Helper()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.cmd.Process.Kill() }) // no more than a net: it has ended
}

// ended waits for the end, and holds it to leaving nothing behind.
func (d *devRun) ended(t *testing.T, code int) string {
	t.Helper()
	d.wait(t)
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, d.stdout.String())
	}
	left, err := os.ReadDir(d.tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s was left in TMPDIR", entry.Name())
	}
	// whatever still runs has the folder in its command line or environment
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte("TMPDIR="+d.tmp)) {
			t.Errorf("process %s still runs", filepath.Base(filepath.Dir(path)))
		}
	}
	return d.stdout.String()
}

// wait waits for the end of the process. One that does not end says in its
// stderr what it is at.
func (d *devRun) wait(t *testing.T) {
	t.Helper()
	waited := make(chan error, 1)
	go func() { waited <- d.cmd.Wait() }()
	ended := func(limit time.Duration) bool {
		select {
		case err := <-waited:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return true
		case <-time.After(limit):
			return false
		}
	}
	if ended(testwait.Patience) {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGQUIT)
	if !ended(10 * time.Second) {
		_ = d.cmd.Process.Kill()
		ended(10 * time.Second) // what it has started may hold its output
	}
	t.Fatalf("it did not end in %s:\n%s", testwait.Patience, d.stdout.String())
}

// site is a folder with no description at all.
func site(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hello")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<h1>it works</h1>"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDevOnce(t *testing.T) {
	t.Parallel()
	d := newDevRun(t, false, site(t), "--once")
	d.start(t)
	d.stdout.await(t, 0, `^http://.*  200 OK$`)
	out := d.ended(t, 0)
	for _, want := range []string{"name:              hello\n", "instances:         1/1\n", "http://hello.localhost:", "  200 OK\n", "Waiting for app to start"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

// TestDevUntilInterrupted is an ordinary user's: it runs until Ctrl-C.
func TestDevUntilInterrupted(t *testing.T) {
	t.Parallel()
	dir := site(t)
	if err := os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755); err != nil { // t.TempDir's own is closed
		t.Fatal(err)
	}
	d := newDevRun(t, true, dir)
	d.start(t)
	address, _ := d.stdout.await(t, 0, `^(http://.*)  200 OK$`)
	// it stays up
	if got, err := get(t, address); err != nil || got != "<h1>it works</h1>" {
		t.Errorf("%s answers %q (%v)", address, got, err)
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	d.ended(t, 0)
}

// get asks an address of *.localhost, which need not resolve.
func get(t *testing.T, address string) (string, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+u.Port(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = u.Host
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// TestDevFails stops everything after a failure too.
func TestDevFails(t *testing.T) {
	t.Parallel()
	dir := site(t)
	manifest := "applications:\n- name: hello\n  buildpacks: [nosuch]\n"
	if err := os.WriteFile(filepath.Join(dir, "manifest.yml"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	d := newDevRun(t, false, dir, "--once")
	d.start(t)
	d.stderr.await(t, 0, "nosuch") // the reason
	d.ended(t, 1)
}

// TestDevInterruptedWhileStarting is Ctrl-C before anything is up.
func TestDevInterruptedWhileStarting(t *testing.T) {
	t.Parallel()
	d := newDevRun(t, false, site(t))
	d.start(t)
	d.stderr.await(t, 0, "Starting Nomad")
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	d.ended(t, 130)
	said := d.stderr.String()
	if !strings.Contains(said, "Interrupted.") {
		t.Error("it does not say that it was interrupted")
	}
	if strings.Contains(said, "Nomad and the platform run") {
		t.Error("it went on as if it had not been interrupted")
	}
}
