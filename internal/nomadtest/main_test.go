package nomadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/procstat"
	"wadi/internal/testneed"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

// joinerVar makes the test binary a process that joins a shared agent.
const joinerVar = "WADI_TEST_JOINER"

func TestMain(m *testing.M) {
	if text := os.Getenv(joinerVar); text != "" {
		if err := joinerMain(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	Main(m)
}

// joinerTask is what a joiner is told.
type joinerTask struct {
	Cache  string
	Binary agent.Binary
}

// short is the linger of the tests' own shared agents.
const short = 2 * time.Second

// joinerMain joins, prints the agent's address, and ends when its stdin does.
func joinerMain(text string) error {
	var task joinerTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return err
	}
	s, err := join(context.Background(), task.Cache, task.Binary, short)
	if err != nil {
		return err
	}
	fmt.Println(s.Address)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// joiner is a process that uses a shared agent.
type joiner struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func startJoiner(t *testing.T, task joinerTask) joiner {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), joinerVar+"="+string(text))
	cmd.Stderr = os.Stderr
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
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return joiner{t, cmd, in, bufio.NewReader(out)}
}

// address waits until the process has joined.
func (j joiner) address() string {
	j.t.Helper()
	line, err := j.out.ReadString('\n')
	if err != nil {
		j.t.Fatalf("the joiner says nothing: %v, %v", err, j.cmd.Wait())
	}
	return strings.TrimSpace(line)
}

func (j joiner) kill() {
	_ = j.cmd.Process.Kill()
	_ = j.cmd.Wait()
}

// alive says whether an agent answers.
func alive(t *testing.T, address string) bool {
	t.Helper()
	c, err := api.NewClient(&api.Config{Address: address, Region: "global"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status().Leader()
	return err == nil
}

// ownCache is a cache folder for shared agents of this test alone.
func ownCache(t *testing.T) joinerTask {
	t.Helper()
	b := binary(t)
	dir, err := os.MkdirTemp("", "wadi-cache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Cleanups run backwards: the joiners have ended, the keeper leaves.
		testwait.Until(t, "the keeper has left", func() bool { return len(records(t, dir)) == 0 })
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return joinerTask{Cache: dir, Binary: b}
}

// records are the agents that there are.
func records(t *testing.T, cache string) []agent.Record {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(agent.RecordDir(cache), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []agent.Record
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var r agent.Record
		if err := errors.Join(err, json.Unmarshal(text, &r)); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestProcessesShareOneAgent(t *testing.T) {
	t.Parallel()
	task := ownCache(t)
	first, second := startJoiner(t, task), startJoiner(t, task)
	one, two := first.address(), second.address()
	if one != two {
		t.Errorf("two agents: %s and %s", one, two)
	}
	rs := records(t, task.Cache)
	if len(rs) != 1 {
		t.Fatalf("records: %+v", rs)
	}

	// A user that crashes takes nothing with it.
	first.kill()
	if third := startJoiner(t, task); third.address() != one {
		t.Error("the third got another agent")
	} else {
		third.kill()
	}
	if !alive(t, one) {
		t.Error("the agent has ended before its last user")
	}
	_ = second.stdin.Close()
	testwait.Until(t, "the unused agent has ended", func() bool { return !alive(t, one) })
	testwait.Until(t, "its folder is gone", func() bool {
		_, err := os.Lstat(rs[0].Dir)
		return errors.Is(err, fs.ErrNotExist)
	})
	if _, err := os.Lstat(homeOf(task.Cache, task.Binary).state()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its state is still announced: %v", err)
	}
}

func TestJoinAfterTheKeeperWasKilled(t *testing.T) {
	t.Parallel()
	task := ownCache(t)
	first := startJoiner(t, task)
	old := first.address()
	before := records(t, task.Cache)[0]
	keeper := parent(t, before.Process.PID)
	// The keeper first: it would clear away what its agent leaves.
	_ = syscall.Kill(keeper, syscall.SIGKILL)
	_ = syscall.Kill(before.Process.PID, syscall.SIGKILL) // it dies with the keeper
	testwait.Until(t, "the old agent has ended", func() bool { return !alive(t, old) })

	next := startJoiner(t, task)
	if now := next.address(); now == old || !alive(t, now) {
		t.Errorf("the next one got %s, before it was %s", now, old)
	}
	if _, err := os.Lstat(before.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the old agent is still there: %v", err)
	}
}

// parent is the parent of a process.
func parent(t *testing.T, pid int) int {
	t.Helper()
	stat, err := procstat.Read(pid)
	if err != nil || stat.Parent < 2 {
		t.Fatalf("the parent of %d is %d, %v", pid, stat.Parent, err)
	}
	return stat.Parent
}

// TestNeedsNomad is what the test below runs in a process of its own.
func TestNeedsNomad(t *testing.T) {
	t.Parallel()
	if Agent(t).Address == "" {
		t.Error("an agent without an address")
	}
}

func TestMachineWithoutNomad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ require, want string }{
		{"", "--- SKIP: TestNeedsNomad"},
		{"docker,network", "--- SKIP: TestNeedsNomad"},
		{"docker, nomad", "--- FAIL: TestNeedsNomad"},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestNeedsNomad$", "-test.v")
		cmd.Env = append(os.Environ(), "WADI_NOMAD=/nonexistent/nomad", testneed.Var+"="+tt.require)
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), "/nonexistent/nomad") {
			t.Errorf("%s=%s: want %q: %v\n%s", testneed.Var, tt.require, tt.want, err, out)
		}
	}
}

// The next two run one after the other's end: the outer test looks at what
// the cleanup of the inner one has left.
func TestNamespaceIsCleanedUp(t *testing.T) {
	t.Parallel()
	c := Agent(t).Client
	var namespace string
	t.Run("use", func(t *testing.T) {
		namespace = Namespace(t)
		w := &api.WriteOptions{Namespace: namespace}
		if _, _, err := c.Variables().Create(&api.Variable{Path: "nomad/jobs/nap", Items: api.VariableItems{"k": "v"}}, w); err != nil {
			t.Fatal(err)
		}
		job := api.NewServiceJob("nap", "nap", "global", 50)
		job.AddTaskGroup(api.NewTaskGroup("nap", 2).AddTask(
			api.NewTask("sleep", "raw_exec").SetConfig("command", "/bin/sleep").SetConfig("args", []string{"1000"})))
		if _, _, err := c.Jobs().Register(job, w); err != nil {
			t.Fatal(err)
		}
		testwait.Until(t, "both instances run", func() bool {
			allocs, _, err := c.Allocations().List(&api.QueryOptions{Namespace: namespace, Filter: `ClientStatus == "running"`})
			return err == nil && len(allocs) == 2
		})
	})
	_, _, err := c.Namespaces().Info(namespace, nil)
	var status api.UnexpectedResponseError
	if !errors.As(err, &status) || status.StatusCode() != 404 {
		t.Errorf("the namespace %s after its test: %v", namespace, err)
	}
}

func TestTokenIsLimitedAndDeleted(t *testing.T) {
	t.Parallel()
	s := Agent(t)
	var c *api.Client
	t.Run("use", func(t *testing.T) {
		namespace := Namespace(t)
		var err error
		if c, err = api.NewClient(&api.Config{
			Address: s.Address, Region: "global", Namespace: namespace,
			SecretID: Token(t, `namespace "`+namespace+`" { policy = "read" }`),
		}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Jobs().List(nil); err != nil {
			t.Errorf("reading: %v", err)
		}
		_, _, err = c.Jobs().List(&api.QueryOptions{Namespace: "default"})
		wantStatus(t, "reading another namespace", err, 403)
	})
	_, _, err := c.ACLTokens().Self(nil)
	wantStatus(t, "the token after its test", err, 403)
}

func wantStatus(t *testing.T, what string, err error, code int) {
	t.Helper()
	var status api.UnexpectedResponseError
	if !errors.As(err, &status) || status.StatusCode() != code {
		t.Errorf("%s: want status %d: %v", what, code, err)
	}
}
