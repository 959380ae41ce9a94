// Package sourcetest serves buildpacks to tests as the world does: git
// repositories by git's own http-backend, and files, over TLS on loopback,
// and a proxy before them.
package sourcetest

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// User and Password open what lies below Private.
const (
	User     = "deploy"
	Password = "t0p:geheim@#"
	Private  = "/private/"
)

// Down is a file of the folder: while it is there, nothing is served.
const Down = "down"

// Server serves a folder: what is in NAME.git as a repository, all else as
// files. Its certificate is for 127.0.0.1 and example.com.
type Server struct {
	URL string
	Dir string
	CA  string // a file with its certificate

	mu       sync.Mutex
	requests []string
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("the test needs git: %v", err)
	}
	s := &Server{Dir: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + s.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=" + s.Dir},
	}
	files := http.FileServer(http.Dir(s.Dir))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r.Method + " " + r.URL.Path)
		if _, err := os.Stat(filepath.Join(s.Dir, Down)); err == nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		if strings.HasPrefix(r.URL.Path, Private) {
			user, password, _ := r.BasicAuth()
			if user != User || password != Password {
				w.Header().Set("WWW-Authenticate", `Basic realm="sources"`)
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
		}
		if strings.Contains(r.URL.Path, ".git/") {
			backend.ServeHTTP(w, r)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL, s.CA = server.URL, filepath.Join(t.TempDir(), "ca.pem")
	if err := writeCertificate(server, s.CA); err != nil {
		t.Fatal(err)
	}
	return s
}

func writeCertificate(server *httptest.Server, file string) error {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return os.WriteFile(file, text, 0o644)
}

// Main runs the tests of a package whose own process has to trust the
// certificate of Start's servers and of httptest's, which is the same.
func Main(m *testing.M) {
	os.Exit(trusting(m.Run))
}

func trusting(run func() int) int {
	dir, err := os.MkdirTemp("", "wadi-sourcetest-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	server := httptest.NewTLSServer(nil)
	err = writeCertificate(server, filepath.Join(dir, "ca.pem"))
	server.Close()
	if err == nil {
		err = errors.Join(os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.pem")), os.Unsetenv("GIT_SSL_CAINFO"))
	}
	if err != nil {
		panic(err)
	}
	return run()
}

// Login is the URL with User and Password in it.
func (s *Server) Login() string {
	return strings.Replace(s.URL, "https://", "https://"+User+":t0p%3Ageheim%40%23@", 1)
}

func (s *Server) note(request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
}

// Requests are all requests so far, "GET /path".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Proxy starts an HTTP proxy that leads every host to the server, and ends
// with the test. Hosts are those that it was asked for.
func (s *Server) Proxy(t testing.TB) (url string, hosts func() []string) {
	t.Helper()
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT alone", http.StatusMethodNotAllowed)
			return
		}
		mu.Lock()
		asked = append(asked, r.Host)
		mu.Unlock()
		if err := s.tunnel(w); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(asked)
	}
}

// tunnel joins the client's connection and one to the server.
func (s *Server) tunnel(w http.ResponseWriter) error {
	to, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "https://"))
	if err != nil {
		return err
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return errors.Join(errors.New("the connection cannot be taken over"), to.Close())
	}
	from, buffered, err := hijacker.Hijack()
	if err != nil {
		return errors.Join(err, to.Close())
	}
	fmt.Fprint(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(to, buffered); to.Close() }()
	_, _ = io.Copy(from, to)
	from.Close()
	return nil
}

// Repository is a repository on a server, and a work tree of it.
type Repository struct{ bare, work string }

// Repository makes the repository NAME.git of a server; branch main.
func (s *Server) Repository(t testing.TB, name string) *Repository {
	t.Helper()
	r := &Repository{bare: filepath.Join(s.Dir, name+".git"), work: t.TempDir()}
	if err := os.MkdirAll(r.bare, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git(t, r.bare, "init", "--quiet", "--bare", "--initial-branch=main")
	r.git(t, r.work, "init", "--quiet", "--initial-branch=main")
	return r
}

// Commit writes files into the work tree, commits and pushes all of it, and
// returns the commit. Files of bin/ are executable.
func (r *Repository) Commit(t testing.TB, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if filepath.Base(filepath.Dir(name)) == "bin" {
			mode = 0o755
		}
		path := filepath.Join(r.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	r.Git(t, "add", "--all")
	r.Git(t, "commit", "--quiet", "--allow-empty", "--message=change")
	r.Git(t, "push", "--quiet", "--force", r.bare, "HEAD")
	return r.Git(t, "rev-parse", "HEAD")
}

// Git runs git in the work tree and returns what it printed.
func (r *Repository) Git(t testing.TB, args ...string) string {
	t.Helper()
	return r.git(t, r.work, args...)
}

// Push pushes a ref.
func (r *Repository) Push(t testing.TB, ref string) {
	t.Helper()
	r.Git(t, "push", "--quiet", "--force", r.bare, ref)
}

func (r *Repository) git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"}, args...)...)
	cmd.Dir = dir
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GIT_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
