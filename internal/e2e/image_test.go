package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/dockertest"
	"wadi/internal/testwait"
)

// images are what the scripts about containers share.
type images struct {
	t *testing.T // of all scripts: what they pulled is removed when their apps are gone
	// rootfs is an image for a stack, in the engine alone.
	rootfs func() string
	// layers of images in the registry, by name.
	layers   map[string]func() []byte
	registry func() *dockertest.Registry
}

// ownRegistryKey is a script's own registry (cmdRegistry), behind a pointer.
type ownRegistryKey struct{}

// cmdRegistry: registry none|basic|bearer [USER PASSWORD]
// starts a registry of this script's own, to which `image` pushes from now on.
//
//	registry fail N
//
// lets it answer the next N requests with 503.
//
//	registry busy N
//
// lets it answer engines with 503 the next N times that they ask for an image.
//
//	registry refuse
//
// lets it give images to no engine from now on.
//
//	registry gather N
//	registry gathered N
//
// lets it answer nobody until N different images have been asked for, and
// waits until N were (90 s).
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	own := ts.Value(ownRegistryKey{}).(**dockertest.Registry)
	t := ts.Value(imagesKey{}).(*images).t
	switch {
	case !neg && len(args) == 2 && args[0] == "fail" && *own != nil:
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		(*own).Fail(n)
	case !neg && len(args) == 2 && args[0] == "busy" && *own != nil:
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		(*own).FailEngines(n)
	case !neg && len(args) == 1 && args[0] == "refuse" && *own != nil:
		(*own).RefuseEngines()
	case !neg && len(args) == 2 && args[0] == "gather" && *own != nil:
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		(*own).Gather(n)
	case !neg && len(args) == 2 && args[0] == "gathered" && *own != nil:
		if !testwait.For(func() bool { return strconv.Itoa((*own).Gathered()) == args[1] }) {
			ts.Fatalf("%d images were asked for, want %s", (*own).Gathered(), args[1])
		}
	case !neg && len(args) == 1 && args[0] == "none":
		*own = dockertest.NewRegistry(t)
	case !neg && len(args) == 3:
		*own = dockertest.NewPrivateRegistry(t, dockertest.Auth(args[0]), args[1], args[2])
	default:
		ts.Fatalf("usage: registry none | registry basic|bearer USER PASSWORD | registry refuse | registry fail|busy|gather|gathered N")
	}
	ts.Setenv("REGISTRY", (*own).Host)
}

func newImages(t *testing.T, p *platform) *images {
	ready := sync.OnceFunc(func() { dockertest.OnNode(t, p.agent.Client) })
	return &images{
		t: t,
		rootfs: sync.OnceValue(func() string {
			ready()
			return dockertest.Import(t, dockertest.Rootfs(t))
		}),
		registry: sync.OnceValue(func() *dockertest.Registry {
			ready()
			return dockertest.NewRegistry(t)
		}),
		layers: map[string]func() []byte{
			"scratch": sync.OnceValue(func() []byte { return scratchLayer(t, p) }),
			"rootfs":  sync.OnceValue(func() []byte { return dockertest.Rootfs(t) }),
		},
	}
}

// scratchLayer has one static program, /image, and nothing else.
func scratchLayer(t *testing.T, p *platform) []byte {
	program := filepath.Join(p.dir, "image")
	cmd := exec.Command("go", "build", "-o", program, "./testdata/image")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	layer, err := dockertest.Files(map[string]string{"image": program})
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

type imagesKey struct{}

// cmdRootfs: rootfs
// sets ROOTFS to a Docker image that a stack can have; all scripts share it.
func cmdRootfs(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("ROOTFS", ts.Value(imagesKey{}).(*images).rootfs())
}

// cmdImage: image NAME:TAG scratch|rootfs CONFIG
// makes an image of that layer and that configuration (a file, Docker's JSON)
// in a registry, which REGISTRY is set to.
func cmdImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: image NAME:TAG scratch|rootfs CONFIG")
	}
	all := ts.Value(imagesKey{}).(*images)
	layer, ok := all.layers[args[1]]
	if !ok {
		ts.Fatalf("there is no layer %q", args[1])
	}
	var config v1.Config
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[2])), &config))
	registry := *ts.Value(ownRegistryKey{}).(**dockertest.Registry)
	if registry == nil {
		registry = all.registry()
	}
	name, err := registry.Push(ts.Value(testKey{}).(testing.TB).Context(), args[0], layer(), config)
	ts.Check(err)
	ts.Setenv("REGISTRY", registry.Host)
	ts.Logf("pushed %s", name)
}
