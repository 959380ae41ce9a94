package dockertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"wadi/internal/testwait"
)

// Registry is a registry on loopback, which an engine pulls from by HTTP.
type Registry struct {
	Host string // "127.0.0.1:5000"

	auth               Auth
	username, password string
	failures           atomic.Int64
	gathering          atomic.Pointer[gathering]
	noEngines          atomic.Bool
	engineFailures     atomic.Int64
}

// Auth is how a registry finds out who asks.
type Auth string

// The ways: not at all, by name and password with each request, or by a token
// that is given for them.
const (
	AuthNone   Auth = "none"
	AuthBasic  Auth = "basic"
	AuthBearer Auth = "bearer"
)

// NewRegistry starts a registry for all, that ends with the test. What an
// engine has pulled from it is removed then.
func NewRegistry(t testing.TB) *Registry { return NewPrivateRegistry(t, AuthNone, "", "") }

// NewPrivateRegistry is a registry for one user.
func NewPrivateRegistry(t testing.TB, auth Auth, username, password string) *Registry {
	t.Helper()
	r := &Registry{auth: auth, username: username, password: password}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.admits(w, req) {
			r.gathering.Load().wait(req)
			images.ServeHTTP(w, req)
		}
	}))
	r.Host = strings.TrimPrefix(server.URL, "http://")
	t.Cleanup(func() {
		server.Close()
		if ping() == nil {
			r.removePulled(t)
		}
	})
	return r
}

// Push makes an image of one layer (tar) and answers its name, "host/name:tag".
func (r *Registry) Push(ctx context.Context, image string, layer []byte, config v1.Config) (string, error) {
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil })
	if err != nil {
		return "", err
	}
	made, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		return "", err
	}
	file, err := made.ConfigFile()
	if err != nil {
		return "", err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	if made, err = mutate.ConfigFile(made, file); err != nil {
		return "", err
	}
	reference := r.Host + "/" + image
	ref, err := name.ParseReference(reference)
	if err != nil {
		return "", err
	}
	auth := authn.Anonymous
	if r.auth != AuthNone {
		auth = &authn.Basic{Username: r.username, Password: r.password}
	}
	return reference, remote.Write(ref, made, remote.WithContext(ctx), remote.WithAuth(auth))
}

// Fail answers the next n requests with the trouble of a registry that is
// being started.
func (r *Registry) Fail(n int64) { r.failures.Store(n) }

// RefuseEngines gives images to nobody who would run them.
func (r *Registry) RefuseEngines() { r.noEngines.Store(true) }

// FailEngines answers those who would run images the next n times that they
// ask for one with the trouble of a registry that is being started.
func (r *Registry) FailEngines(n int64) { r.engineFailures.Store(n) }

// registryToken is the only token that a registry gives.
const registryToken = "a-token-of-this-registry"

// admits answers requests that do not reach the images.
func (r *Registry) admits(w http.ResponseWriter, req *http.Request) bool {
	user, password, _ := req.BasicAuth()
	known := user == r.username && password == r.password
	challenge := `Basic realm="registry"`
	switch {
	case r.failures.Add(-1) >= 0:
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return false
	case strings.HasPrefix(req.UserAgent(), "docker/") && req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/manifests/") && r.engineFailures.Add(-1) >= 0:
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return false
	case r.noEngines.Load() && strings.HasPrefix(req.UserAgent(), "docker/"):
		http.Error(w, `{"errors":[{"code":"DENIED","message":"not for engines"}]}`, http.StatusForbidden)
		return false
	case r.auth == AuthNone, r.auth == AuthBasic && known:
		return true
	case r.auth == AuthBearer && req.URL.Path == "/token" && known:
		fmt.Fprintf(w, `{"token": %q}`, registryToken)
		return false
	case r.auth == AuthBearer && req.Header.Get("Authorization") == "Bearer "+registryToken:
		return true
	case r.auth == AuthBearer && req.URL.Path != "/token":
		challenge = fmt.Sprintf(`Bearer realm="http://%s/token",service="registry"`, r.Host)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
	return false
}

// removePulled removes what the engine has of this registry.
func (r *Registry) removePulled(t testing.TB) {
	var err error
	removed := testwait.For(func() bool { // a container of one may be about to go
		err = r.tryRemovePulled()
		return err == nil
	})
	if !removed {
		t.Errorf("remove the images of %s: %v", r.Host, err)
	}
}

func (r *Registry) tryRemovePulled() error {
	var images []struct {
		ID          string
		RepoDigests []string
	}
	if err := get("/images/json", &images); err != nil {
		return err
	}
	var errs []error
	for _, image := range images {
		if slices.ContainsFunc(image.RepoDigests, func(ref string) bool { return strings.HasPrefix(ref, r.Host+"/") }) {
			errs = append(errs, call(context.Background(), http.MethodDelete, "/images/"+image.ID+"?force=true", nil))
		}
	}
	return errors.Join(errs...)
}

func get(path string, into any) error {
	resp, err := engine.Get("http://docker" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
