package inspect

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"wadi/internal/testport"
	"wadi/stage/lifecycle"
)

const user, password = "bob", `se"cr#et $x`

// served is a registry with one image for amd64 (one:1), one for amd64 and
// arm64 (both:1), one of attestations and s390x (other:1), and a broken one.
type served struct {
	host   string
	images map[string]v1.Image
	gate   http.HandlerFunc // answers in place of the registry, if it answers
}

type answered struct {
	http.ResponseWriter
	done bool
}

func (a *answered) WriteHeader(code int) { a.done = true; a.ResponseWriter.WriteHeader(code) }

func (a *answered) Write(p []byte) (int, error) { a.done = true; return a.ResponseWriter.Write(p) }

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{images: map[string]v1.Image{}}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answered{ResponseWriter: w}
		if s.gate != nil {
			s.gate(a, r)
		}
		if !a.done {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	for _, arch := range []string{"amd64", "arm64", "s390x"} {
		s.images[arch] = image(t, arch)
	}
	index := func(arches ...string) v1.ImageIndex {
		out := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image(t, "unknown"), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}})
		for _, arch := range arches {
			out = mutate.AppendManifests(out, mutate.IndexAddendum{Add: s.images[arch], Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
		}
		return out
	}
	broken, err := mutate.Config(s.images["amd64"], v1.Config{ExposedPorts: map[string]struct{}{"99999/tcp": {}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		remote.Write(s.ref(t, "broken:1"), broken),
		remote.Write(s.ref(t, "one:1"), s.images["amd64"]),
		remote.WriteIndex(s.ref(t, "both:1"), index("arm64", "amd64")),
		remote.WriteIndex(s.ref(t, "other:1"), index("s390x")),
		remote.WriteIndex(s.ref(t, "void:1"), empty.Index),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *served) ref(t *testing.T, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(s.host + "/team/" + image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (s *served) digest(t *testing.T, arch string) string {
	t.Helper()
	digest, err := s.images[arch].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func image(t *testing.T, arch string) v1.Image {
	t.Helper()
	file, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Config = v1.Config{
		Entrypoint: []string{"/serve"}, Cmd: []string{"--on", arch}, WorkingDir: "/work", User: "app:app", Env: []string{"A=1"},
		ExposedPorts: map[string]struct{}{"9090": {}, "80/udp": {}, "80/tcp": {}},
	}
	out, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	want := lifecycle.ImageMetadata{
		Digest: s.digest(t, "amd64"), Entrypoint: []string{"/serve"}, Cmd: []string{"--on", "amd64"}, Workdir: "/work", User: "app:app", Env: []string{"A=1"},
		Ports: []lifecycle.ImagePort{{Port: 80, Protocol: "tcp"}, {Port: 80, Protocol: "udp"}, {Port: 9090, Protocol: "tcp"}},
	}
	for _, reference := range []string{"one:1", "both:1", "one@" + s.digest(t, "amd64"), "one:1@" + s.digest(t, "amd64"), "both@" + s.digest(t, "amd64")} {
		repo, _, _ := strings.Cut(strings.ReplaceAll(reference, "@", ":"), ":")
		want.Image = s.host + "/team/" + repo + "@" + want.Digest
		got, err := Image(t.Context(), s.host+"/team/"+reference, Options{Arch: "amd64"})
		if err != nil {
			t.Errorf("%s: %v", reference, err)
		} else if a, b := text(got), text(want); a != b {
			t.Errorf("%s:\n%s\nwant\n%s", reference, a, b)
		}
	}
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestNoImage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, c := range []struct {
		reference string
		kind      Kind
		says      string
	}{
		{"none:1", NotFound, "there is no image " + s.host + "/team/none:1 at " + s.host},
		{"one:2", NotFound, "there is no image " + s.host + "/team/one:2 at " + s.host},
		{"one@sha256:" + strings.Repeat("0", 64), NotFound, "there is no image " + s.host + "/team/one@sha256:" + strings.Repeat("0", 64)},
		{"other:1", NoPlatform, "the image " + s.host + "/team/other:1 is for linux/s390x only, and the nodes are linux/amd64"},
		{"void:1", NoPlatform, "is for no platform (its index has no image), and the nodes are linux/amd64"},
		{"both@" + s.digest(t, "arm64"), NoPlatform, "is for linux/arm64 only, and the nodes are linux/amd64"},
		{"broken:1", Invalid, `is none that can be run: it exposes "99999/tcp", which is no port`},
		{"One:1", BadName, "is no name of an image: names of images are in lower case"},
		{"one@sha256:123", BadName, "after the @ there is a digest"},
		{"one:", BadName, "its tag is empty"},
		{"one:1 ", BadName, "it has blanks in it"},
		{"one:1:2", BadName, "is no name of an image"},
		{"http://127.0.0.1/one:1", BadName, "is a URL"},
	} {
		_, err := Image(t.Context(), s.host+"/team/"+c.reference, Options{Arch: "amd64"})
		checkError(t, err, c.kind, c.says)
	}
	_, err := Image(t.Context(), user+":"+password+"@"+s.host+"/team/one:1", Options{Arch: "amd64"})
	checkError(t, err, BadName, "has a login in it")
}

func checkError(t *testing.T, err error, kind Kind, says string) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || failure.Kind != kind || !strings.Contains(err.Error(), says) || failure.Hint() == "" {
		t.Errorf("error of kind %v: %v\nwant kind %v: %s", failure, err, kind, says)
	}
	if err != nil && strings.Contains(err.Error(), password) {
		t.Errorf("the error has the password: %v", err)
	}
}

// basic lets the user in.
func basic(w http.ResponseWriter, r *http.Request) {
	if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
	}
}

// bearer lets in who shows a token, and gives tokens to the user.
func bearer(host string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`, http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"token":"a token for %s"}`, r.URL.Query().Get("scope"))
			return
		}
		if r.Header.Get("Authorization") != "Bearer a token for repository:team/one:pull" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry"`, host))
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for kind, gate := range map[string]func(host string) http.HandlerFunc{
		"basic": func(string) http.HandlerFunc { return basic }, "bearer": bearer,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			s.gate = gate(s.host)
			reference := s.host + "/team/one:1"
			_, err := Image(t.Context(), reference, Options{Arch: "amd64"})
			checkError(t, err, Denied, "does not give the image "+reference+" without a login")
			_, err = Image(t.Context(), reference, Options{Arch: "amd64", Login: &Login{user, "wrong"}})
			checkError(t, err, Denied, "refuses the login for the image "+reference)
			if _, err = Image(t.Context(), reference, Options{Arch: "amd64", Login: &Login{user, password}}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Only silence and a registry's own trouble are asked about again.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var failures atomic.Int32
	s.gate = func(w http.ResponseWriter, r *http.Request) {
		if failures.Add(-1) >= 0 {
			http.Error(w, "starting", http.StatusServiceUnavailable)
		}
	}
	var told []int
	o := Options{Arch: "amd64", Retry: Retry{Attempts: 3, Delay: time.Millisecond, Patience: time.Hour, Telling: func(attempt int, _ time.Duration, err error) {
		told = append(told, attempt)
		checkError(t, err, Unreachable, "the registry "+s.host+" does not answer")
	}}}
	failures.Store(2)
	if _, err := Image(t.Context(), s.host+"/team/one:1", o); err != nil || !slices.Equal(told, []int{1, 2}) {
		t.Errorf("told %v: %v", told, err)
	}
	failures.Store(1000)
	_, err := Image(t.Context(), s.host+"/team/one:1", o)
	checkError(t, err, Unreachable, "does not answer: status 503 Service Unavailable")
	if !IsUnreachable(err) {
		t.Error("not unreachable")
	}
	gone := fmt.Sprintf("127.0.0.1:%d", testport.Free(t))
	_, err = Image(t.Context(), gone+"/one:1", Options{Arch: "amd64"})
	checkError(t, err, Unreachable, "connection refused")
}

func TestReference(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("a", 64)
	for reference, want := range map[string]string{
		"busybox": "docker.io/library/busybox:latest", "library/busybox:1": "docker.io/library/busybox:1", "docker.io/busybox": "docker.io/library/busybox:latest",
		"index.docker.io/library/busybox:1" + digest: "docker.io/library/busybox" + digest,
		"team/app": "docker.io/team/app:latest", "registry.example.com/app:1": "registry.example.com/app:1", "host:5000/a/b/c": "host:5000/a/b/c:latest", "localhost/app": "localhost/app:latest",
	} {
		ref, err := parse(reference, nil)
		if err != nil || shown(ref) != want {
			t.Errorf("%s: %s, %v, want %s", reference, shown(ref), err, want)
		}
		host, _, _ := strings.Cut(want, "/")
		if got, err := Registry(reference); err != nil || got != host {
			t.Errorf("%s: registry %s, %v", reference, got, err)
		}
	}
}

// HTTP and certificates that prove nothing are for listed registries and
// loopback, whatever the network.
func TestGuard(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.1.2.3": true, "[::1]:5000": true,
		"listed.example.com": true, "listed.example.com:5000": true, "port.example.com:5000": true,
		"port.example.com": false, "10.0.0.1:5000": false, "192.168.1.1": false, "registry.local": false, "localhost.example.com": false,
	} {
		if got := mayBeInsecure(host, []string{"listed.example.com", "port.example.com:5000"}); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://10.0.0.1:5000/v2/", nil)
	if _, err := (&guard{}).RoundTrip(r); !errors.Is(err, errUnlisted) {
		t.Errorf("HTTP with a registry that is not listed: %v", err)
	}
	ref, err := parse("10.0.0.1:5000/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, explain(&guard{}, ref, Options{}, fmt.Errorf("ping: %w", errUnlisted)), Insecure, "the registry 10.0.0.1:5000 was not asked for the image 10.0.0.1:5000/app:latest: it answers by HTTP only")
	// a private address that nobody is at says nothing about HTTP
	down := errors.Join(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &url.Error{Op: "Get", URL: "http://10.0.0.1:5000/v2/", Err: errUnlisted})
	checkError(t, explain(&guard{}, ref, Options{}, down), Unreachable, "the registry 10.0.0.1:5000 does not answer: ")
	foreign := errors.Join(&tls.CertificateVerificationError{Err: errors.New("for another host")}, errUnlisted)
	checkError(t, explain(&guard{}, ref, Options{}, foreign), Insecure, "was not asked for the image 10.0.0.1:5000/app:latest: tls: failed to verify certificate: for another host")
}

// TestPlain asks a server of HTTP as one that may be asked by HTTPS alone.
func TestPlain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	client := http.Client{Transport: checked}
	resp, err := client.Get("https://" + server.Listener.Addr().String() + "/v2/")
	if err == nil {
		resp.Body.Close()
		t.Fatal("HTTPS of a server of HTTP")
	}
	ref, e := parse("registry.example.com:5000/app", nil)
	if e != nil {
		t.Fatal(e)
	}
	checkError(t, explain(&guard{}, ref, Options{}, err), Insecure, "it answers by HTTP only")
}

func TestDockerLogin(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	var config bytes.Buffer
	config.WriteString(`{"auths": {"registry.example.com": {"auth": "Ym9iOnNlY3JldA=="}, "token.example.com": {"identitytoken": "x"}, "https://index.docker.io/v1/": {"username": "hub", "password": "pass"}}}`)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]*Login{
		"registry.example.com/app:1": {"bob", "secret"}, "busybox": {"hub", "pass"}, "other.example.com/app": nil,
	} {
		if got, err := DockerLogin(reference); err != nil || text(got) != text(want) {
			t.Errorf("%s: %v, %v", reference, got, err)
		}
	}
	if _, err := DockerLogin("token.example.com/app"); err == nil || !strings.Contains(err.Error(), "the login for token.example.com in Docker's configuration is a token") {
		t.Errorf("an identity token: %v", err)
	}
	// the helper of the registry counts where that of all others is missing
	helper := "#!/bin/sh\necho '{\"Username\": \"amy\", \"Secret\": \"kept\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-wadi-test"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	helped := `{"credsStore": "wadi-missing", "credHelpers": {"registry.example.com:5000": "wadi-test"}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(helped), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := DockerLogin("registry.example.com:5000/app"); err != nil || text(got) != text(&Login{"amy", "kept"}) {
		t.Errorf("a helper: %v, %v", got, err)
	}
	if _, err := DockerLogin("registry.example.com/app"); err == nil || !strings.Contains(err.Error(), "docker-credential-wadi-missing") {
		t.Errorf("a helper that is missing: %v", err)
	}
}
