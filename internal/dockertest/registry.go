package dockertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Registry is a registry on loopback, which an engine pulls from by HTTP.
type Registry struct {
	Host string // "127.0.0.1:5000"
}

// NewRegistry starts a registry that ends with the test. What an engine has
// pulled from it is removed then.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	r := &Registry{Host: strings.TrimPrefix(server.URL, "http://")}
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
	return reference, remote.Write(ref, made, remote.WithContext(ctx))
}

// removePulled removes what the engine has of this registry.
func (r *Registry) removePulled(t testing.TB) {
	var last error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var images []struct {
			ID          string
			RepoDigests []string
		}
		if last = get("/images/json", &images); last != nil {
			continue
		}
		for _, image := range images {
			if !slices.ContainsFunc(image.RepoDigests, func(ref string) bool { return strings.HasPrefix(ref, r.Host+"/") }) {
				continue
			}
			// a container of it may be about to go
			if err := call(context.Background(), http.MethodDelete, "/images/"+image.ID+"?force=true", nil); err != nil {
				last = err
			}
		}
		if last == nil {
			return
		}
	}
	t.Errorf("remove the images of %s: %v", r.Host, last)
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
