// Package e2e runs the real program against a real Nomad: the scripts of
// testdata/script, each in a namespace of its own, and what a script cannot
// say.
package e2e

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/dockertest"
	"wadi/internal/nomadtest"
	"wadi/internal/testneed"
	"wadi/internal/testport"
)

func TestMain(m *testing.M) {
	// scripts wait for Nomad most of the time, not for a processor
	if f := flag.Lookup("test.parallel"); f != nil {
		if err := f.Value.Set("5"); err != nil {
			panic(err)
		}
	}
	nomadtest.Main(m)
}

// platform is what the scripts share: the real binary, and one platform.
type platform struct {
	bin    string // folder of the binary
	dir    string // caches and data
	space  string
	router string // host:port
	agent  *nomadtest.Shared
}

// TestScripts runs each script of testdata/script with the real binary
// against a real Nomad with ACLs on, in a namespace of its own.
func TestScripts(t *testing.T) {
	p := newPlatform(t)
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	images := newImages(t, p)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			if name == "docker" {
				return dockertest.Missing() == nil, nil
			}
			if buildpack, ok := strings.CutPrefix(name, "toolchain:"); ok {
				err := testneed.Toolchain(buildpack)
				if errors.Is(err, testneed.ErrUnknown) {
					return false, err
				}
				// one that is required counts as there: without it the script has to fail
				return testneed.Required(buildpack) || err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			tt := env.T().(testing.TB)
			space := nomadtest.Namespace(tt)
			for _, dir := range []string{env.WorkDir, filepath.Dir(env.WorkDir)} { // tasks run as another user
				if err := os.Chmod(dir, 0o711); err != nil {
					return err
				}
			}
			env.Values[testKey{}] = tt
			env.Values[requestsKey{}] = new(requests)
			env.Values[imagesKey{}] = images
			env.Values[ownRegistryKey{}] = new(*dockertest.Registry)
			env.Values[sourcesKey{}] = new(sources)
			env.Vars = append(env.Vars, p.env(space)...)
			env.Vars = append(env.Vars, "HOME="+env.WorkDir, "SPACE="+space, "PLATFORM="+p.space, "EXAMPLES="+examples, "ROUTER="+p.router,
				"PLATFORM_DIR="+p.dir,
				// host names are global: every script routes its own
				"ID="+strings.ToLower(rand.Text()[:6]))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": cmdHTTP, "subst": cmdSubst, "token": cmdToken, "remember": cmdRemember, "jobs": cmdJobs, "job": cmdJob, "await": cmdAwait, "until": cmdUntil, "listens": cmdListens, "freeport": cmdFreePort, "variable": cmdVariable,
			"terminal": cmdTerminal, "rootfs": cmdRootfs, "image": cmdImage, "registry": cmdRegistry,
			"zip": cmdZip, "allow": cmdAllow, "nowhere": cmdNowhere,
			"sources": cmdSources, "commit": cmdCommit,
			"serving": cmdServing, "served": cmdServed, "purge": cmdPurge, "appears": cmdAppears,
			"made": cmdMade, "fails": cmdFails,
		},
	})
}

type testKey struct{}

// newPlatform builds the binary and applies a platform, which is destroyed
// when the test ends.
func newPlatform(t *testing.T) *platform {
	t.Helper()
	return newPlatformOn(t, nomadtest.Agent(t), nomadtest.Namespace(t))
}

// newPlatformOn is newPlatform on an agent of the caller's, in one of its
// namespaces.
func newPlatformOn(t *testing.T, on *nomadtest.Shared, space string) *platform {
	t.Helper()
	p := &platform{agent: on, space: space}
	var err error
	if p.dir, err = os.MkdirTemp("", "wadi-e2e-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	if err := os.Chmod(p.dir, 0o755); err != nil { // tasks run as another user
		t.Fatal(err)
	}
	p.bin = filepath.Join(p.dir, "bin")
	buildWadi(t, p.bin)
	store, router := strconv.Itoa(testport.Free(t)), strconv.Itoa(testport.Free(t))
	p.router = "127.0.0.1:" + router
	p.wadi(t, "platform", "apply", "--blobstore-port", store, "--router-port", router)
	t.Cleanup(func() { p.wadi(t, "platform", "destroy", "--auto-approve", "--purge-data") })
	return p
}

// env is the environment of a wadi that uses this platform.
func (p *platform) env(space string) []string {
	return []string{
		"NOMAD_ADDR=" + p.agent.Address, "NOMAD_TOKEN=" + p.agent.ManagementToken, "NOMAD_NAMESPACE=" + space,
		"WADI_PLATFORM_SPACE=" + p.space, "WADI_CACHE_DIR=" + filepath.Join(p.dir, "cache"), "XDG_DATA_HOME=" + filepath.Join(p.dir, "data"),
		"NO_COLOR=1", "PATH=" + p.bin + ":" + os.Getenv("PATH"),
		"GOCACHE=" + goEnv("GOCACHE"), "GOMODCACHE=" + goEnv("GOMODCACHE"), "GOPROXY=" + goEnv("GOPROXY"), "GOFLAGS=" + goEnv("GOFLAGS"),
	}
}

func (p *platform) wadi(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(p.bin, "wadi"), args...)
	cmd.Env = append(os.Environ(), p.env("default")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("wadi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var goEnvs = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	text, err := exec.Command("go", "env", "-json").Output()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
})

func goEnv(name string) string { return goEnvs()[name] }

// buildWadi builds the program as a user would, into a folder of this test
// alone: other checkouts may test beside it.
func buildWadi(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "wadi"), "wadi").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}
