package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/nomadtest"
	"wadi/internal/testport"
	"wadi/internal/testwait"
	"wadi/nomad"
)

// testPlatform is a space of the shared agent, and what platformApply needs
// to put a platform there that gets in nobody's way.
func testPlatform(t *testing.T) (*nomad.Client, platformOptions) {
	t.Helper()
	shared := nomadtest.Agent(t)
	client, err := nomad.New(nomad.Config{Address: shared.Address, Token: shared.ManagementToken, Space: nomadtest.Namespace(t)})
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return client, platformOptions{
		Program: program, BinDir: filepath.Join(dir, "bin"), DefaultDir: filepath.Join(dir, "data"),
		BlobPort: testport.Free(t), RouterPort: testport.Free(t),
	}
}

// writes counts what Nomad was told of the platform: job versions and the
// Variables' indexes.
func writes(t *testing.T, client *nomad.Client) string {
	t.Helper()
	var b strings.Builder
	for _, id := range []string{nomad.BlobStoreJobID, nomad.RouterJobID} {
		job, err := client.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		v, err := client.ReadVariable(t.Context(), nomad.VariablePath(id))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: job %d, variable %d\n", id, *job.JobModifyIndex, v.Index)
	}
	return b.String()
}

func quiet(string) {}

func TestPlatformComesAndGoes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client, o := testPlatform(t)

	done, err := platformApply(ctx, client, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if !done.Changed || done.Data != filepath.Join(o.DefaultDir, "blobstore") {
		t.Errorf("%+v", done)
	}
	for _, p := range probePlatform(ctx, done.Platform) {
		if !p.Healthy {
			t.Errorf("the %s is not healthy: %s", p.Name, p.Reason)
		}
	}
	checkToken(t, done.Platform)

	// again, asking for nothing: as it is, and no write
	before := writes(t, client)
	again, err := platformApply(ctx, client, platformOptions{Program: o.Program, BinDir: o.BinDir, DefaultDir: t.TempDir()}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if again.Changed || again.Platform != done.Platform || again.Data != done.Data {
		t.Errorf("the second time: %+v, want %+v unchanged", again, done)
	}
	if after := writes(t, client); after != before {
		t.Errorf("the second time something was written:\n%s, was\n%s", after, before)
	}

	// the router moves, the blob store and the token stay
	o.RouterPort = testport.Free(t)
	moved, err := platformApply(ctx, client, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if !moved.Changed || portOf(moved.Platform.RouterURL) != o.RouterPort || moved.Platform.BlobToken != done.Platform.BlobToken {
		t.Errorf("after a move of the router: %+v", moved)
	}
	testDestroy(t, client, done.Data)
}

// checkToken holds the blob store to the token that the platform keeps.
func checkToken(t *testing.T, p nomad.Platform) {
	t.Helper()
	for token, want := range map[string]int{p.BlobToken: http.StatusOK, strings.Repeat("0", 64): http.StatusUnauthorized} {
		req, err := http.NewRequest(http.MethodPost, p.BlobURL+"/v1/missing", strings.NewReader("[]"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the blob store answers %s, want %d", resp.Status, want)
		}
	}
}

func testDestroy(t *testing.T, client *nomad.Client, data string) {
	t.Helper()
	ctx := t.Context()
	other := filepath.Join(data, "not-ours")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	streams := Streams{In: strings.NewReader("yes\n"), Out: &out, Err: &errs}

	// nobody can be asked
	var h *hinted
	if err := platformDestroy(ctx, streams, settings{}, client, false); !errors.As(err, &h) || !strings.Contains(h.Hint(), "--auto-approve") {
		t.Fatalf("without a terminal: %v", err)
	}
	if err := platformDestroy(ctx, streams, settings{AutoApprove: true}, client, true); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{nomad.BlobStoreJobID, nomad.RouterJobID} {
		if job, err := client.Job(ctx, id); err != nil || job != nil {
			t.Errorf("job %s is still there (%v)", id, err)
		}
	}
	if paths, err := client.ListVariables(ctx, "nomad/jobs/wadi-"); err != nil || len(paths) > 0 {
		t.Errorf("Variables are left: %v (%v)", paths, err)
	}
	if _, _, err := client.API.ACLPolicies().Info("wadi-router-"+client.Space, nil); nomad.StatusOf(err) != http.StatusNotFound {
		t.Errorf("the router's policy is left (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(data, "health")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("blobs are left in %s", data)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("--purge-data removed what is not the blob store's: %v", err)
	}
	out.Reset()
	if err := platformDestroy(ctx, streams, settings{}, client, false); err != nil || !strings.HasPrefix(out.String(), "No changes.") {
		t.Errorf("destroying nothing: %q, %v", out.String(), err)
	}
}

func TestPlatformRefusals(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client, o := testPlatform(t)

	// nothing there yet
	var none *nomad.NoPlatformError
	if _, err := (settings{PlatformSpace: client.Space, Parallelism: 1}).reconciler(ctx, client, project{"p", true}, quiet); !errors.As(err, &none) ||
		!strings.Contains(none.Hint(), "wadi platform apply") {
		t.Errorf("without a platform: %v", err)
	}

	// a port of somebody else's
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := o
	taken.BlobPort = l.Addr().(*net.TCPAddr).Port
	if _, err := platformApply(ctx, client, taken, quiet); err == nil || !strings.Contains(err.Error(), "is taken by another program") {
		t.Errorf("with a port that is taken: %v", err)
	}

	// a path that Nomad would interpolate
	evil := o
	evil.Data = "/tmp/${attr.kernel.name}"
	if _, err := platformApply(ctx, client, evil, quiet); err == nil || !strings.Contains(err.Error(), "cannot stand in a Nomad job") {
		t.Errorf("with a path like an interpolation: %v", err)
	}

	// a folder that cannot be made: the job's own words
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := o
	broken.Data = filepath.Join(file, "below")
	var hint *hinted
	if _, err := platformApply(ctx, client, broken, quiet); !errors.As(err, &hint) || !strings.Contains(err.Error(), "not a directory") ||
		!strings.Contains(hint.Hint(), "there is no earlier version to go back to") {
		t.Errorf("with a folder that cannot be made: %v", err)
	}

	// nor has the next one anything to go back to: its port is what stands
	broken.Data, broken.BlobPort = filepath.Join(file, "elsewhere"), testport.Free(t)
	if _, err := platformApply(ctx, client, broken, quiet); !errors.As(err, &hint) ||
		!strings.Contains(hint.Hint(), "Nomad did not go back to an earlier version") || !strings.Contains(err.Error(), loopback(broken.BlobPort)+" now") {
		t.Errorf("with another folder that cannot be made: %v", err)
	}
	if p, err := client.ReadPlatform(ctx); err != nil || portOf(p.BlobURL) != broken.BlobPort {
		t.Errorf("the blob store's job has port %d, its Variable says %+v, %v", broken.BlobPort, p, err)
	}
	var out bytes.Buffer
	if err := platformDestroy(ctx, Streams{Out: &out, Err: &out}, settings{AutoApprove: true}, client, false); err != nil {
		t.Fatal(err)
	}
	if v, err := client.ReadPlatform(ctx); !errors.As(err, &none) {
		t.Errorf("after destroy there is a platform: %+v, %v", v, err)
	}
}

// data is where the blob store's job keeps blobs.
func data(t *testing.T, client *nomad.Client) string {
	t.Helper()
	job, err := client.Job(t.Context(), nomad.BlobStoreJobID)
	if err != nil {
		t.Fatal(err)
	}
	return argOf(job, "--data")
}

// A change that does not come up, as to a store that cannot be used, leaves
// that part of the platform as it worked, at the port where it was. The other
// part moves.
func TestPlatformGoesBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client, o := testPlatform(t)
	done, err := platformApply(ctx, client, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	testwait.Until(t, "Nomad to take it for stable", func() bool {
		job, err := client.Job(ctx, nomad.BlobStoreJobID)
		return err == nil && *job.Stable
	})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := o
	broken.Data, broken.BlobPort, broken.RouterPort = filepath.Join(file, "below"), testport.Free(t), testport.Free(t)
	_, err = platformApply(ctx, client, broken, quiet)
	var hint *hinted
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), "not a directory") || !strings.Contains(hint.Hint(), "Nomad went back to what worked before") {
		t.Fatalf("with a folder that cannot be made: %v", err)
	}
	want := done.Platform
	want.RouterURL = "http://" + loopback(broken.RouterPort)
	for _, words := range []string{"blob store at " + want.BlobURL + ", as before", "router at " + want.RouterURL + " now"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not in: %v", words, err)
		}
	}
	if got, err := client.ReadPlatform(ctx); err != nil || got != want {
		t.Errorf("the platform is at %+v, want %+v, error %v", got, want, err)
	}
	if err := probeRouter(ctx, want.RouterURL); err != nil {
		t.Errorf("the router does not answer at its new port: %v", err)
	}
	testwait.Until(t, "the blob store of before", func() bool { return probeBlobStore(ctx, done.Platform.BlobURL) == nil && data(t, client) == done.Data })
	var out bytes.Buffer
	if err := platformDestroy(ctx, Streams{Out: &out, Err: &out}, settings{AutoApprove: true}, client, false); err != nil {
		t.Fatal(err)
	}
}

func TestPlatformForeignJob(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client, o := testPlatform(t)
	job := api.NewServiceJob(nomad.RouterJobID, "not wadi's", "global", 50)
	group := api.NewTaskGroup("g", 0)
	group.AddTask(api.NewTask("t", "raw_exec").SetConfig("command", "/bin/true"))
	job.AddTaskGroup(group)
	job.Namespace = &client.Space
	if _, _, err := client.API.Jobs().Register(job, nil); err != nil {
		t.Fatal(err)
	}
	_, err := platformApply(ctx, client, o, quiet)
	if err == nil || !strings.Contains(err.Error(), `job "wadi-router" in space`) {
		t.Errorf("a foreign job: %v", err)
	}
	if v, err := client.ReadVariable(ctx, nomad.VariablePath(nomad.BlobStoreJobID)); err != nil || v.Index != 0 {
		t.Errorf("something was written nevertheless: %+v, %v", v, err)
	}
}
