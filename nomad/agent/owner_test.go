package agent_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

// owner is a process that owns an agent.
type owner struct {
	agent.Owned
	cmd   *exec.Cmd
	stdin io.Closer
}

func startOwner(t *testing.T, cmd *exec.Cmd) owner {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := owner{cmd: cmd, stdin: in}
	t.Cleanup(func() { _ = o.end() }) // does nothing the second time
	if err := json.NewDecoder(out).Decode(&o.Owned); err != nil {
		_ = in.Close()
		t.Fatalf("the owner says nothing: %v, %v", err, cmd.Wait())
	}
	return o
}

// end lets the owner stop its agent.
func (o owner) end() error {
	_ = o.stdin.Close()
	return o.cmd.Wait()
}

func (o owner) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

func asTask(t *testing.T, c agent.Config) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSweepAfterAllWereKilled(t *testing.T) {
	t.Parallel()
	c := agent.Config{Binary: nomadtest.Binary(t), StateDir: stateDir(t), Persist: true}
	o := startOwner(t, agent.HelperCommand("own", asTask(t, c)))
	n := startNap(t, o.Address, o.Token)

	// While its owner lives an agent is left alone.
	if err := agent.Sweep(t.Context(), c.StateDir); err != nil {
		t.Error(err)
	}
	if len(n.processes(t)) != 3 {
		t.Fatal("the sweep ended what has an owner")
	}
	_ = syscall.Kill(o.PID, syscall.SIGKILL)
	o.kill()
	if err := agent.Sweep(t.Context(), c.StateDir); err != nil {
		t.Error(err)
	}
	nothingRemains(t, o.Dir, c.StateDir, n)
}

// An agent ends with its owner, in order or not, and what the next Start
// sweeps is that one's alone.
func TestStartSweepsItsSlot(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	beside := nomadtest.Private(t, agent.Config{StateDir: state})
	other := startNap(t, beside.Address, beside.Token)
	c := agent.Config{Binary: nomadtest.Binary(t), StateDir: state}
	o := startOwner(t, agent.HelperCommand("own", asTask(t, c)))
	n := startNap(t, o.Address, o.Token)
	o.kill()
	testwait.Until(t, "the agent has ended", func() bool { return syscall.Kill(o.PID, 0) != nil })

	next := nomadtest.Private(t, c)
	if len(n.processes(t)) > 0 || len(other.processes(t)) != 3 {
		t.Errorf("left of the killed one: %v; of the one beside: %v", n.processes(t), other.processes(t))
	}
	for _, a := range []*agent.Agent{next, beside} {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	nothingRemains(t, beside.Dir, state, other)
	n.alloc = "" // an agent that ends in order leaves its control groups at times
	nothingRemains(t, o.Dir, state, n)
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else; the other tests run as an ordinary user then")
	}
	const uid = 65534
	home := stateDir(t)
	bin := filepath.Join(home, "nomad")
	copyFile(t, nomadtest.Binary(t), bin)
	state := filepath.Join(home, "state")
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, uid, uid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	task := asTask(t, agent.Config{Binary: bin, StateDir: state, ACL: true})
	for _, killed := range []bool{false, true} {
		cmd := agent.HelperCommand("own", task)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		o := startOwner(t, cmd)
		n := startNap(t, o.Address, o.Token)
		if killed {
			_ = syscall.Kill(o.PID, syscall.SIGKILL)
		}
		if err := o.end(); err != nil { // Stop, as that user
			t.Errorf("the owner: %v", err)
		}
		nothingRemains(t, o.Dir, state, n)
	}
}

// copyFile copies a program.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
