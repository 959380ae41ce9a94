package nomadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/testport"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

// Node is a client of a Nomad server of the test's own, on this machine: a
// second node, which can be lost.
type Node struct {
	ID, Name string
	process  *os.Process
	ended    chan struct{}
}

// Kill ends the node's process as a power cut does, but for what its tasks
// started, which ends with the test.
func (n *Node) Kill() {
	_ = n.process.Kill() // it may have ended
	<-n.ended
}

// nodeConfig is the client's, with raw_exec alone: two nodes that share a
// Docker engine would remove each other's containers.
const nodeConfig = `name                 = %q
data_dir             = %q
bind_addr            = "127.0.0.1"
disable_update_check = true

ports {
  http = %d
}

advertise {
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}

acl {
  enabled = true
}

consul {
  auto_advertise   = false
  client_auto_join = false
}

client {
  enabled           = true
  servers           = [%q]
  network_interface = "lo"
  cpu_total_compute = 1000000
  alloc_mounts_dir  = %q

  options = {
    "driver.allowlist"     = "raw_exec"
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"
  }
}

plugin "raw_exec" {
  config {
    enabled = true
  }
}
`

// Join starts a second node for the agent of the test's own that c talks to,
// and waits until it is ready.
func Join(t testing.TB, c *api.Client, name string) *Node {
	t.Helper()
	server, err := c.Status().Leader()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "wadi-node-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // tasks run as another user
		t.Fatal(err)
	}
	config := filepath.Join(dir, "agent.hcl")
	text := fmt.Sprintf(nodeConfig, name, dir, testport.Free(t), server, filepath.Join(dir, "alloc_mounts"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &Node{Name: name, ended: make(chan struct{})}
	id := unique()
	sweepLater(t, agent.Record{ID: id, Dir: dir, Binary: binary(t).Path})
	n.spawn(t, exec.Command(binary(t).Path, "agent", "-config="+config), dir, id)
	t.Cleanup(n.Kill)
	var last error
	testwait.For(func() bool {
		last = n.ready(c) // the next time the server may answer
		return last == nil || n.hasEnded()
	})
	if n.ID == "" {
		log, _ := os.ReadFile(filepath.Join(dir, "agent.log"))
		t.Fatalf("node %s is not ready: %v\n%s", name, last, log)
	}
	return n
}

// ready says why tasks cannot be placed on the node yet; nil once they can,
// and its id is noted.
func (n *Node) ready(c *api.Client) error {
	nodes, _, err := c.Nodes().List(nil)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if node.Name != n.Name {
			continue
		}
		if driver := node.Drivers["raw_exec"]; node.Status != api.NodeStatusReady || driver == nil || !driver.Healthy {
			return fmt.Errorf("it is %s, its driver raw_exec is %+v", node.Status, driver)
		}
		n.ID = node.ID
		return nil
	}
	return fmt.Errorf("the server knows no node %s", n.Name)
}

func (n *Node) hasEnded() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// spawn starts the process, which ends when this one does, however that ends.
func (n *Node) spawn(t testing.TB, cmd *exec.Cmd, dir, id string) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "agent.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "WADI_AGENT=" + id}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is about the thread: this one ends with the process
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(n.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	n.process = cmd.Process
}

// sweepLater ends what is left of a node's tasks and removes its folder when
// the test ends.
func sweepLater(t testing.TB, r agent.Record) {
	t.Helper()
	state := t.TempDir()
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(state, "00.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := agent.Sweep(context.Background(), state); err != nil {
			t.Error(err)
		}
	})
}
