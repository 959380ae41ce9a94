package agent_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sys/unix"

	"wadi/internal/nomadtest"
	"wadi/internal/testprogram"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

func TestMain(m *testing.M) {
	agent.Helper()
	nomadtest.Main(m)
}

// stateDir is a state folder of the test's own: other agents' slots stay out
// of it.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wadi-state-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A test that failed half-way leaves nothing either.
		if err := agent.Sweep(context.Background(), dir); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

var lastNap atomic.Int64

// nap is a task that sleeps in three processes: its own, one that has left
// its session, and one that has dropped its environment too. They are found
// by the number of seconds they sleep, which is this test's alone.
type nap struct {
	seconds string
	alloc   string
}

// startNap runs a nap and returns when all three sleep.
func startNap(t *testing.T, address, token string) nap {
	t.Helper()
	n := nap{seconds: fmt.Sprintf("%d.%06d", 1e6+lastNap.Add(1), os.Getpid())}
	c, err := api.NewClient(&api.Config{Address: address, SecretID: token, Region: "global", Namespace: "default"})
	if err != nil {
		t.Fatal(err)
	}
	job := api.NewServiceJob("nap", "nap", "global", 50)
	task := api.NewTask("sleep", "raw_exec").
		SetConfig("command", "/bin/sh").
		SetConfig("args", []string{"-c", "trap '' TERM; setsid sleep " + n.seconds + " & env -i /usr/bin/setsid /bin/sleep " + n.seconds + " & sleep " + n.seconds})
	timeout := time.Second
	task.KillTimeout = &timeout
	job.AddTaskGroup(api.NewTaskGroup("nap", 1).AddTask(task))
	if _, _, err := c.Jobs().Register(job, nil); err != nil {
		t.Fatal(err)
	}
	testwait.Until(t, "the task sleeps", func() bool { return len(n.processes(t)) == 3 })
	allocs, _, err := c.Jobs().Allocations("nap", true, nil)
	if err != nil || len(allocs) != 1 {
		t.Fatalf("allocations: %v, %v", allocs, err)
	}
	n.alloc = allocs[0].ID
	return n
}

// processes are the pids of the sleepers. One that is still what starts
// sleep is none yet: it has no command line while it becomes one.
func (n nap) processes(t *testing.T) []int {
	t.Helper()
	return withCommand(t, "sleep\x00"+n.seconds+"\x00", "/bin/sleep\x00"+n.seconds+"\x00")
}

// withCommand finds the processes that have one of these command lines.
func withCommand(t *testing.T, lines ...string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if slices.Contains(lines, string(text)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// nothingRemains checks that an agent has left no process, mount, control
// group, folder or record.
func nothingRemains(t *testing.T, dir, state string, naps ...nap) {
	t.Helper()
	for _, n := range naps {
		if left := n.processes(t); len(left) > 0 {
			t.Errorf("processes of the task remain: %v", left)
		}
		if n.alloc == "" {
			continue
		}
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/nomad/" + n.alloc + ".*")
		more, _ := filepath.Glob("/sys/fs/cgroup/*/*/*/" + n.alloc + ".*")
		if all := append(groups, more...); len(all) > 0 {
			t.Errorf("control groups remain: %v", all)
		}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if text, _ := os.ReadFile(f); strings.Contains(string(text), "HOME="+dir+"\x00") {
			cmd, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			if len(cmd) > 0 { // not one that only waits for its parent
				t.Errorf("a process remains: %s %q", f, cmd)
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("mounts below %s remain (%v)", dir, err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder %s remains: %v", dir, err)
	}
	if records, _ := filepath.Glob(filepath.Join(state, "*.json*")); len(records) > 0 {
		t.Errorf("records remain: %v", records)
	}
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	a := nomadtest.Private(t, agent.Config{ACL: true, StateDir: state})
	if a.Token == "" {
		t.Error("no token")
	}
	n := startNap(t, a.Address, a.Token)
	if os.Getuid() == 0 {
		reachable(t, filepath.Join(a.Dir, "alloc", n.alloc, "sleep", "local"))
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-a.Done():
	default:
		t.Error("stopped, and not done")
	}
	nothingRemains(t, a.Dir, state, n)
	if err := a.Stop(t.Context()); err != nil {
		t.Errorf("the second Stop: %v", err)
	}
}

// reachable checks that an app can stand in a folder.
func reachable(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `cd -- "$1"`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 2000, Gid: 2000}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("uid 2000 cannot go to %s: %v: %s", dir, err, out)
	}
}

func TestRestartKeepsTasks(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	a := nomadtest.Private(t, agent.Config{Persist: true, StateDir: state})
	n := startNap(t, a.Address, a.Token)
	before, first, address := n.processes(t), a.PID(), a.Address
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a.PID() == first || a.Address != address {
		t.Errorf("pid %d -> %d, address %s -> %s", first, a.PID(), address, a.Address)
	}
	if after := n.processes(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the task's processes were %v and are %v", before, after)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	nothingRemains(t, a.Dir, state, n)
}

func TestStopAfterTheAgentWasKilled(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	a := nomadtest.Private(t, agent.Config{StateDir: state})
	n := startNap(t, a.Address, a.Token)
	if err := syscall.Kill(a.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-a.Done()
	if len(n.processes(t)) != 3 {
		t.Error("the task ended with the agent: this test shows nothing")
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	nothingRemains(t, a.Dir, state, n)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	bin := nomadtest.Binary(t)
	notNomad := filepath.Join(t.TempDir(), "nomad")
	testprogram.Write(t, notNomad, "#!/bin/sh\necho no such option >&2\nexit 3\n", 0o755)
	exists := stateDir(t)
	if err := os.WriteFile(filepath.Join(exists, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		c    agent.Config
		want string
	}{
		{"the log's last lines", agent.Config{Binary: notNomad}, "it ended by itself: exit status 3\nthe last lines of its log:\nno such option"},
		{"a folder that exists", agent.Config{Binary: bin, Dir: exists}, "exists already"},
		{"a long folder", agent.Config{Binary: bin, Dir: "/tmp/" + strings.Repeat("x", 60)}, "at most 60 bytes"},
		{"no executable", agent.Config{Binary: "/nonexistent/nomad"}, "no such file"},
		{"no time", agent.Config{Binary: bin, StartTimeout: time.Millisecond}, "not ready within 1ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.c.StateDir = stateDir(t)
			a, err := agent.Start(t.Context(), tt.c)
			if err == nil {
				_ = a.Stop(context.Background())
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error lacks %q: %v", tt.want, err)
			}
			if records, _ := filepath.Glob(filepath.Join(tt.c.StateDir, "*.json*")); len(records) > 0 {
				t.Errorf("records remain: %v", records)
			}
		})
	}
	t.Cleanup(func() {
		if err := unix.Access(filepath.Join(exists, "precious"), unix.F_OK); err != nil {
			t.Errorf("a folder that was not the agent's is gone: %v", err)
		}
	})
}
