package inspect

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"wadi/stage/lifecycle"
)

// push makes an image without layers in a registry of this test.
func push(t *testing.T, arch string, config v1.Config) (reference string, digest v1.Hash) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: config, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	reference = strings.TrimPrefix(server.URL, "http://") + "/team/app:1"
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	if digest, err = image.Digest(); err != nil {
		t.Fatal(err)
	}
	return reference, digest
}

func TestImage(t *testing.T) {
	t.Parallel()
	reference, digest := push(t, "amd64", v1.Config{
		Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/work", User: "app", Env: []string{"A=b"},
		ExposedPorts: map[string]struct{}{"9090/tcp": {}, "53/udp": {}, "53/tcp": {}, "80": {}},
	})
	got, err := Image(t.Context(), reference, Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	want := lifecycle.ImageMetadata{
		Image: strings.TrimSuffix(reference, ":1") + "@" + digest.String(), Digest: digest.String(),
		Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Workdir: "/work", User: "app", Env: []string{"A=b"},
		Ports: []lifecycle.ImagePort{{Port: 53, Protocol: "tcp"}, {Port: 53, Protocol: "udp"}, {Port: 80, Protocol: "tcp"}, {Port: 9090, Protocol: "tcp"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again, err := Image(t.Context(), got.Image, Options{Arch: "amd64"}); err != nil || again.Digest != got.Digest {
		t.Errorf("by its digest: %+v, %v", again, err)
	}
}

func TestImageFailures(t *testing.T) {
	t.Parallel()
	reference, _ := push(t, "s390x", v1.Config{})
	host, _, _ := strings.Cut(reference, "/")
	broken, _ := push(t, "amd64", v1.Config{ExposedPorts: map[string]struct{}{"99999/tcp": {}}})
	for image, want := range map[string]string{
		reference:           "is for linux/s390x, and apps run on linux/amd64",
		broken:              `exposes "99999/tcp", which is no port`,
		host + "/nobody:it": "there is no image " + host + "/nobody:it at " + host,
		"Not A Name":        `"Not A Name" has no proper name`,
		"127.0.0.1:1/xy":    "asking the registry 127.0.0.1:1 for the image 127.0.0.1:1/xy: ",
	} {
		if _, err := Image(t.Context(), image, Options{Arch: "amd64"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", image, err, want)
		}
	}
}
