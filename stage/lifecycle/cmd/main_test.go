package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wadi/internal/testprogram"
	"wadi/internal/testwait"
	"wadi/stage/archive"
	"wadi/stage/blob"
	"wadi/stage/blob/server"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/bin"
	"wadi/stage/lifecycle/proc"
)

// program is the lifecycle as tasks get it, in a folder that any user may
// enter.
var program string

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "wadi-lifecycle-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return 1, err
	}
	binary, err := bin.Open(context.Background(), filepath.Join(dir, "cache"), runtime.GOARCH)
	if err != nil {
		return 1, err
	}
	program = filepath.Join(dir, "lifecycle")
	if err := unpack(binary.Path, program); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// unpack does what Nomad does with the artifact.
func unpack(tgz, to string) error {
	f, err := os.Open(tgz)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	r := tar.NewReader(z)
	h, err := r.Next()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, h.FileInfo().Mode())
}

const token = "the-token-of-this-test"

// operatorSum makes it one that writes results too, as a staging's own does.
var operatorSum = fmt.Sprintf("%x", sha256.Sum256([]byte(token)))

// openDir is a temporary folder that any user may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wadi-lc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// blobStore runs a real blob store on loopback.
func blobStore(t *testing.T) *blob.Client {
	t.Helper()
	dir := t.TempDir()
	tokenFile := filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte("another-token-of-this-test"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o755); err != nil {
		t.Fatal(err)
	}
	bucket, err := server.OpenDir(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := server.NewAuth(server.AuthOptions{TokenFile: tokenFile, JWKSURL: "http://127.0.0.1:1/", OperatorSHA256: operatorSum})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	handler := server.New(server.Options{Bucket: bucket, Auth: auth, Logger: slog.New(slog.DiscardHandler)})
	go func() { done <- server.Serve(ctx, l, handler) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &blob.Client{
		URL: "http://" + l.Addr().String(), HTTP: &http.Client{Transport: transport},
		Token: func() (string, error) { return token, nil },
	}
}

// writeTree writes files (path -> content; those below bin/ get the
// executable bit) into a new folder. Their times are a package's.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if filepath.Base(filepath.Dir(name)) == "bin" {
			mode = 0o755
		}
		testprogram.Write(t, path, content, mode)
		if err := os.Chtimes(path, archive.Epoch, archive.Epoch); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// upload stores a folder as a blob.
func upload(t *testing.T, store *blob.Client, files map[string]string) string {
	t.Helper()
	dir := writeTree(t, files)
	items, err := archive.Items(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(archive.Write(t.Context(), w, archive.Dir(dir), items)) }()
	stored, _, err := store.Upload(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stored.Digest
}

// uploadPackage stores the files of an app as its package.
func uploadPackage(t *testing.T, store *blob.Client, files map[string]string) string {
	t.Helper()
	below := map[string]string{}
	for name, content := range files {
		below[lifecycle.AppFolder+"/"+name] = content
	}
	return upload(t, store, below)
}

// running is a started lifecycle.
type running struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *buffer
	done           chan struct{}
	taskDir        string
}

// buffer may be read while a process writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newTask makes the folders of a Nomad task with secrets (name -> JSON value).
func newTask(t *testing.T, secrets map[string]any) string {
	t.Helper()
	dir := openDir(t)
	for _, name := range []string{"local", "secrets"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range secrets {
		content, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), content, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	identity := filepath.Join(dir, "secrets", lifecycle.IdentityFile)
	if err := os.WriteFile(identity, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const allocID = "alloc-1"

// taskUser is whom processes of a task run as where the tests are root's.
func taskUser() int {
	return proc.TaskUser(func(name string) string { return map[string]string{"NOMAD_ALLOC_ID": allocID}[name] }).UID
}

// start runs the lifecycle as a Nomad task would, in the environment of an
// agent that has secrets of its own.
func start(t *testing.T, dir, command string, env ...string) *running {
	t.Helper()
	return startAs(t, 0, dir, command, env...)
}

// startAs does so as another user, who then owns the task's folders; 0 is
// whoever runs the tests.
func startAs(t *testing.T, uid int, dir, command string, env ...string) *running {
	t.Helper()
	r := &running{t: t, stdout: &buffer{}, stderr: &buffer{}, done: make(chan struct{}), taskDir: dir}
	r.cmd = exec.Command(program, command)
	r.cmd.Stdout, r.cmd.Stderr = r.stdout, r.stderr
	r.cmd.WaitDelay = 30 * time.Second // what outlives the task holds its output, which is fetched long before
	r.cmd.Env = append([]string{
		"NOMAD_ALLOC_ID=" + allocID,
		"NOMAD_TASK_DIR=" + filepath.Join(dir, "local"),
		"NOMAD_SECRETS_DIR=" + filepath.Join(dir, "secrets"),
		"AGENTS_OWN=secret", "HOME=/root",
	}, env...)
	if uid != 0 {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, uid, uid))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // the tests look at ProcessState
		close(r.done)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it may have ended
		<-r.done
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
		}
	})
	return r
}

// exitCode waits for the end.
func (r *running) exitCode() int {
	r.t.Helper()
	return r.exitCodeWithin(testwait.Patience)
}

func (r *running) exitCodeWithin(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		r.t.Fatalf("the task did not end in %s", limit)
	}
	status := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func (r *running) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// eventually polls, because the lifecycle is another process.
func (r *running) eventually(what string, ok func() bool) {
	r.t.Helper()
	testwait.Until(r.t, what, ok)
}

func contains(t *testing.T, where, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s has no %q:\n%s", where, w, text)
		}
	}
}
