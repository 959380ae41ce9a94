package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wadi/internal/testport"
	"wadi/stage/archive"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/bin"
)

// programs are wadi and the lifecycle, built.
type programs struct{ wadi, lifecycle string }

func buildPrograms(tb testing.TB, dir string) programs {
	tb.Helper()
	p := programs{wadi: filepath.Join(dir, "wadi"), lifecycle: filepath.Join(dir, "lifecycle")}
	if out, err := exec.Command("go", "build", "-o", p.wadi, "wadi").CombinedOutput(); err != nil {
		tb.Fatalf("building wadi: %v\n%s", err, out)
	}
	binary, err := bin.Open(context.Background(), filepath.Join(dir, "cache"), runtime.GOARCH)
	if err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command("tar", "-xzf", binary.Path, "-C", dir).CombinedOutput(); err != nil {
		tb.Fatalf("unpacking the lifecycle: %v\n%s", err, out)
	}
	return p
}

// push is one app on its way, with a blob store of its own.
type push struct {
	tb     testing.TB
	dir    string // everything is below it; any user may enter
	app    string
	cache  string
	data   string // the store's
	url    string
	server *process
	programs
	tasks int
	peaks map[string]int // KiB, of those that have ended
}

// newDir is a temporary folder that any user may enter: stagings and
// instances of root run as another one.
func newDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "wadi-bench-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// newPush starts an empty blob store.
func newPush(tb testing.TB, p programs, app, cache string) *push {
	tb.Helper()
	c := &push{tb: tb, dir: newDir(tb), app: app, cache: cache, programs: p, peaks: map[string]int{}}
	c.data = filepath.Join(c.dir, "store")
	tokens := filepath.Join(c.dir, "token")
	write(tb, tokens, []byte("another-token-of-this-benchmark"))
	c.server = startProcess(tb, nil, p.wadi, "blobstore", "--listen", "127.0.0.1:0", "--data", c.data,
		"--token-file", tokens, "--operator-sha256", fmt.Sprintf("%x", sha256.Sum256([]byte(token))), "--jwks-url", "http://127.0.0.1:1/")
	_, address, _ := strings.Cut(c.server.until("the blob store listens").text, "address=")
	address, _, _ = strings.Cut(address, " ")
	c.url = "http://" + address
	return c
}

// close ends the store. The files stay until the test ends: for half a minute
// ext4 passes over each inode that was freed, and who made files then would be
// measured with that.
func (c *push) close() {
	c.tb.Helper()
	c.stop(c.server, "server")
}

// stop ends a process that runs until it is told to.
func (c *push) stop(p *process, name string) {
	c.tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.tb.Fatal(err)
	}
	p.end()
	c.ended(p, name)
}

func (c *push) ended(p *process, name string) {
	c.tb.Helper()
	if p.peak == 0 {
		c.tb.Fatalf("nothing is known of the memory of the %s", name)
	}
	c.peaks[name] = max(c.peaks[name], p.peak)
}

// client runs the client; with an upload its cost has the server's part.
func (c *push) client(upload bool) (clientOutput, cost) {
	c.tb.Helper()
	in := clientInput{Dir: c.app, Cache: c.cache}
	if upload {
		in.URL = c.url
	}
	role, err := json.Marshal(in)
	if err != nil {
		c.tb.Fatal(err)
	}
	before := c.server.cpu()
	p := startProcess(c.tb, []string{roleVar + "=" + string(role)}, os.Args[0])
	var out clientOutput
	text := p.end()
	took := p.total(time.Now())
	took.cpu += c.server.cpu() - before
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		c.tb.Fatalf("the client said %q: %v", text, err)
	}
	c.ended(p, "client")
	return out, took
}

// task makes the folders of a Nomad task and starts the lifecycle in them.
func (c *push) task(command string, secrets map[string]any, env ...string) *process {
	c.tb.Helper()
	c.tasks++
	dir := filepath.Join(c.dir, fmt.Sprintf("task-%d", c.tasks))
	for name, value := range secrets {
		content, err := json.Marshal(value)
		if err != nil {
			c.tb.Fatal(err)
		}
		write(c.tb, filepath.Join(dir, "secrets", name), content)
	}
	write(c.tb, filepath.Join(dir, "secrets", lifecycle.IdentityFile), []byte(token))
	if err := os.Mkdir(filepath.Join(dir, "local"), 0o755); err != nil {
		c.tb.Fatal(err)
	}
	env = append(env, "NOMAD_TASK_DIR="+filepath.Join(dir, "local"), "NOMAD_SECRETS_DIR="+filepath.Join(dir, "secrets"))
	return startProcess(c.tb, env, c.lifecycle, command)
}

// meter takes the cost of a part of what two processes do together.
type meter struct {
	p, server   *process
	wall        time.Time
	cpu, served time.Duration
}

func (c *push) meter(p *process, began time.Time) meter {
	return meter{p: p, server: c.server, wall: began, cpu: p.cpu(), served: c.server.cpu()}
}

func (m meter) cost(ended time.Time) cost {
	return cost{ended.Sub(m.wall), m.p.cpu() - m.cpu + m.server.cpu() - m.served}
}

// touching is a buildpack by which every file is another one: with its new time
// nothing of it is in the store yet.
var touching = map[string]string{
	"bin/detect":  "#!/bin/sh\nexit 0\n",
	"bin/compile": "#!/bin/sh\nfind \"$1\" -exec touch {} +\n",
	"bin/release": "#!/bin/sh\necho '{}'\n",
}

// uploadTouching stores that buildpack.
func (c *push) uploadTouching() lifecycle.BuildpackRef {
	c.tb.Helper()
	dir := filepath.Join(c.dir, "touching")
	for name, content := range touching {
		write(c.tb, filepath.Join(dir, name), []byte(content))
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			c.tb.Fatal(err)
		}
	}
	items, err := archive.Items(c.tb.Context(), dir)
	if err != nil {
		c.tb.Fatal(err)
	}
	var stream bytes.Buffer
	if err := archive.Write(c.tb.Context(), &stream, archive.Dir(dir), items); err != nil {
		c.tb.Fatal(err)
	}
	stored, _, err := c.store().Upload(c.tb.Context(), &stream, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	return lifecycle.BuildpackRef{Key: "touching", Name: "touching", Blob: stored.Digest}
}

// binary is the buildpack that changes nothing.
var binary = lifecycle.BuildpackRef{Key: "binary", Name: "binary", Builtin: "binary"}

// store is the blob store as anybody sees it.
func (c *push) store() *blob.Client {
	return &blob.Client{URL: c.url, Token: func() (string, error) { return token, nil }}
}

// staged is what a staging made, and what parts of it took.
type staged struct {
	lifecycle.Result
	fetch, create cost
	stored        int64 // bytes that the store got
}

// stage stages a package. The key is that of the result.
func (c *push) stage(pkg, key string, buildpack lifecycle.BuildpackRef) staged {
	c.tb.Helper()
	before := size(c.tb, c.data)
	p := c.task("stage", map[string]any{lifecycle.StagingFile: lifecycle.Staging{
		BlobURL: c.url, Space: "default", App: "bench", StagingKey: key, Generation: 1, Package: pkg, SkipDetect: true,
		Buildpacks: []lifecycle.BuildpackRef{buildpack},
		Stack:      "host", MemoryMB: 1024, DiskMB: 4096, Env: map[string]string{},
	}})
	var s staged
	m := c.meter(p, p.until("Downloading app package...").at)
	s.fetch = m.cost(p.until("Downloaded app package (").at)
	m = c.meter(p, p.until("Uploading droplet...").at)
	s.create = m.cost(p.until("Uploaded droplet (").at)
	p.end()
	c.ended(p, "staging")
	body, err := c.store().Result(context.Background(), "default", key)
	if err == nil {
		err = json.Unmarshal(body, &s.Result)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
	s.stored = size(c.tb, c.data) - before
	return s
}

// run starts an instance and returns what it took until the app was healthy.
func (c *push) run(s staged) cost {
	c.tb.Helper()
	p := c.task("run", map[string]any{
		lifecycle.RevisionFile:    lifecycle.Revision{BlobURL: c.url, Droplet: s.Droplet, StagedAt: s.StagedAt, App: "bench", Stack: "host"},
		lifecycle.EnvironmentFile: lifecycle.Environment{},
		lifecycle.ProcessFile: lifecycle.RunProcess{
			Type: "web", Command: "trap 'exit 0' TERM; echo the app runs; sleep 1000 & wait", MemoryMB: 512, DiskMB: 4096, Health: lifecycle.Check{Type: "process"},
		},
	}, "NOMAD_ALLOC_ID=bench", "NOMAD_ALLOC_INDEX=0", "NOMAD_IP_health=127.0.0.1", "NOMAD_PORT_health="+strconv.Itoa(testport.Free(c.tb)),
		"NOMAD_IP_http=127.0.0.1", "NOMAD_PORT_http="+strconv.Itoa(testport.Free(c.tb)))
	m := meter{p: p, server: c.server, wall: p.began, served: c.server.cpu()}
	took := m.cost(p.until("the app runs").at)
	c.stop(p, "instance")
	return took
}

// size is how many bytes the files below dir have.
func size(tb testing.TB, dir string) int64 {
	tb.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return sum
}

// changeOne gives one file in the middle of the app a new line, and returns
// how big it is then.
func changeOne(tb testing.TB, app string, files int) int64 {
	tb.Helper()
	n, changed := 0, int64(-1)
	err := filepath.WalkDir(app, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if n++; n < files/2 {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content = append([]byte("// changed\n"), content...)
		changed = int64(len(content))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		return fs.SkipAll
	})
	if err != nil || changed < 0 {
		tb.Fatalf("changing one of %d files: %d bytes, %v", files, changed, err)
	}
	return changed
}
