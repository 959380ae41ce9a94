// Package s3test gives tests a real S3 server: versitygw over a folder of the
// test's own, built once from its Go module into wadi's cache as Nomad is. It
// is no part of wadi's own module.
package s3test

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"wadi/internal/testneed"
	"wadi/internal/testport"
	"wadi/nomad/agent"
)

// The files carry another ending because a folder with its own go.mod can not
// be embedded.
var (
	//go:embed build/go.mod.txt
	goMod []byte
	//go:embed build/go.sum.txt
	goSum []byte
)

// Server is a running S3 server with one empty bucket.
type Server struct {
	Endpoint  string
	Bucket    string
	Region    string
	AccessKey string
	SecretKey string

	log *bytes.Buffer
}

// Start runs a server until the test is over. A test is skipped unless
// WADI_TEST_REQUIRE names "s3" or an earlier run has built the server.
func Start(t testing.TB) *Server {
	t.Helper()
	program := binary(t)
	s := &Server{
		Bucket: "wadi-test", Region: "eu-central-1",
		AccessKey: "test-access-key", SecretKey: "test-secret-key-that-is-no-secret", log: new(bytes.Buffer),
	}
	root := t.TempDir()
	// a folder below the root is a bucket
	if err := os.Mkdir(filepath.Join(root, s.Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", testport.Free(t))
	s.Endpoint = "http://" + address
	cmd := exec.Command(program, "--access", s.AccessKey, "--secret", s.SecretKey, "--region", s.Region,
		"--port", address, "posix", "--nometa", root)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", s.log)
		}
	})
	s.await(t, ended)
	return s
}

// start starts cmd on a thread that lives as long as this process: Pdeathsig
// goes by the thread.
func start(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}

func (s *Server) await(t testing.TB, ended <-chan struct{}) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		resp, err := http.Get(s.Endpoint)
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("the S3 server ended:\n%s", s.log)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not answer: %v", err)
		}
	}
}

// URL is the store as `wadi blobstore --store` takes it.
func (s *Server) URL(folder string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s&region=%s&use_path_style=true", s.Bucket, folder, s.Endpoint, s.Region)
}

// CredentialsFile writes the credentials as AWS's tools have them.
func (s *Server) CredentialsFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s.AccessKey, s.SecretKey)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var found struct {
	sync.Once
	path string
	err  error
}

// binary finds or builds the server, once a process.
func binary(t testing.TB) string {
	t.Helper()
	sum := sha256.Sum256(slices.Concat(goMod, goSum))
	recipe := agent.Recipe{
		Name: "versitygw, an S3 server for tests", Package: "github.com/versity/versitygw/cmd/versitygw", Output: "versitygw",
		Key:   "versitygw-" + runtime.GOOS + "-" + runtime.GOARCH + "-" + hex.EncodeToString(sum[:4]),
		GoMod: goMod, GoSum: goSum,
	}
	wanted := testneed.Required("s3")
	if _, err := os.Stat(filepath.Join(agent.CacheDir(), recipe.Key, recipe.Output)); err != nil && !wanted {
		t.Skipf("the S3 server of the tests was never built on this machine: %s=s3 builds it, once, in some minutes", testneed.Var)
	}
	found.Do(func() {
		last := agent.Phase("")
		found.path, found.err = agent.Build(context.Background(), agent.CacheDir(), recipe, func(e agent.Event) {
			if e.Phase != last { // a line a phase, shown with -v or on failure
				t.Log(e.Text)
				last = e.Phase
			}
		})
	})
	if found.err != nil {
		t.Fatalf("%s asks for an S3 server: %v", testneed.Var, found.err)
	}
	return found.path
}
