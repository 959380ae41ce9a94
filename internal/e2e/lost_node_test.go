package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

// TestLostNode: a staging whose node goes away is done again on another, and
// the apply follows it there.
func TestLostNode(t *testing.T) {
	if testing.Short() {
		t.Skip("Nomad takes half a minute to miss a node")
	}
	t.Parallel()
	a := nomadtest.Private(t, agent.Config{ACL: true})
	p := newPlatformOn(t, &nomadtest.Shared{Address: a.Address, ManagementToken: a.Token}, "default")
	client, err := api.NewClient(&api.Config{Address: a.Address, SecretID: a.Token})
	if err != nil {
		t.Fatal(err)
	}
	nodes, _, err := client.Nodes().List(nil)
	if err != nil || len(nodes) != 1 {
		t.Fatalf("%d nodes, error %v", len(nodes), err)
	}
	eligible := func(yes bool) {
		t.Helper()
		if _, err := client.Nodes().ToggleEligibility(nodes[0].ID, yes, nil); err != nil {
			t.Fatal(err)
		}
	}
	lost := nomadtest.Join(t, client, "soon-lost")
	eligible(false) // so that the staging goes to the other one
	dir, runs := stagedOnce(t)
	cmd := exec.Command(filepath.Join(p.bin, "wadi"), "apply", "--auto-approve", dir)
	cmd.Env = append(os.Environ(), p.env("default")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		err = cmd.Wait()
		close(ended)
	}()
	testwait.For(func() bool { return lines(runs) > 0 || isClosed(ended) })
	if lines(runs) == 0 || isClosed(ended) {
		_ = cmd.Process.Kill()
		<-ended
		t.Fatalf("the staging does not start, or ends although it never should; wadi apply: %v\n%s", err, &out)
	}
	eligible(true)
	lost.Kill()
	select {
	case <-ended:
	case <-time.After(testwait.Patience + time.Minute): // Nomad takes half a minute to miss it
		_ = cmd.Process.Kill()
		<-ended
	}
	if err != nil || !strings.Contains(out.String(), "node soon-lost was lost: staging again on another") || lines(runs) != 2 {
		t.Errorf("error %v, staged %d times:\n%s", err, lines(runs), &out)
	}
	p.wadi(t, "destroy", "--auto-approve", dir)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stagedOnce is an app whose first staging never ends, and the file with a
// line for every staging.
func stagedOnce(t *testing.T) (dir, runs string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "wadi-lost-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	runs = filepath.Join(dir, "mark", "runs")
	for name, content := range map[string]string{
		"src/index.html": "x",
		"wadi.hcl":       "project = \"lost\"\n\napp \"lost\" {\n  path = \"./src\"\n  no_route = true\n  memory = \"64M\"\n  buildpacks = [\"./bp\"]\n}\n",
		"bp/bin/detect":  "#!/bin/sh\nexit 0\n",
		"bp/bin/finalize": "#!/bin/sh\necho staged >> " + runs + "\n" +
			"test \"$(wc -l < " + runs + ")\" -gt 1 || exec sleep 1000\n",
		"bp/bin/release": "#!/bin/sh\necho 'default_process_types: {web: exec \"$HOME/../bin/lifecycle\" serve}'\n",
		"mark/runs":      "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// each staging writes there as a user of its own
	for path, mode := range map[string]os.FileMode{"": 0o755, "mark": 0o755, "mark/runs": 0o666} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir, runs
}

// lines counts those of a file that may not be there yet.
func lines(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("\n"))
}
