package nomadtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad/agent"
	"wadi/nomad/agent/flock"
)

// The shared agent belongs to a keeper: the test binary that came first, run
// once more in a session of its own. It lives in a folder of the cache:
//
//	users       locked shared by each test process as long as it lives
//	start       locked by who starts, joins or ends the agent
//	state.json  where the agent is, while there is one
//	keeper.log, nomad.log
type home string

func (h home) users() string { return filepath.Join(string(h), "users") }
func (h home) start() string { return filepath.Join(string(h), "start") }
func (h home) state() string { return filepath.Join(string(h), "state.json") }
func (h home) log() string   { return filepath.Join(string(h), "keeper.log") }

// state is what joins need to know.
type state struct {
	Address string `json:"address"`
	Token   string `json:"token"`
}

// homeOf is the folder for agents of one binary: tests of another Nomad get
// another agent.
func homeOf(cacheDir string, b agent.Binary) home {
	sum := sha256.Sum256([]byte(b.Path + "\n" + b.Version))
	return home(filepath.Join(cacheDir, "nomadtest", hex.EncodeToString(sum[:4])))
}

// join makes this process a user of the shared agent until it ends. If there
// is none it is started, to stay for linger after its last user.
func join(ctx context.Context, cacheDir string, b agent.Binary, linger time.Duration) (*Shared, error) {
	h := homeOf(cacheDir, b)
	if err := os.MkdirAll(string(h), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the shared agent: %w", err)
	}
	using, err := flock.Wait(ctx, h.users(), flock.Shared)
	if err != nil {
		return nil, err
	}
	start, err := flock.Wait(ctx, h.start(), flock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer func() { _ = start.Unlock() }()
	s, err := h.running()
	if err != nil {
		// None, or one that died with its keeper: the new one's start sweeps.
		task := keeperTask{Home: h, StateDir: agent.RecordDir(cacheDir), Binary: b.Path, Linger: linger}
		if err := task.start(ctx); err != nil {
			return nil, errors.Join(err, using.Unlock())
		}
		if s, err = h.running(); err != nil {
			return nil, errors.Join(err, using.Unlock())
		}
	}
	s.using = using
	return s, nil
}

// running reads the state and asks the agent whether it lives.
func (h home) running() (*Shared, error) {
	text, err := os.ReadFile(h.state())
	if err != nil {
		return nil, fmt.Errorf("read the state of the shared agent: %w", err)
	}
	var st state
	if err := json.Unmarshal(text, &st); err != nil {
		return nil, fmt.Errorf("read the state of the shared agent %s: %w", h.state(), err)
	}
	// Empty fields would be filled in from NOMAD_*: name them all.
	c, err := api.NewClient(&api.Config{
		Address: st.Address, SecretID: st.Token,
		Region: "global", Namespace: api.DefaultNamespace,
	})
	if err != nil {
		return nil, fmt.Errorf("make the client of the shared agent: %w", err)
	}
	if _, _, err := c.ACLTokens().Self(nil); err != nil { // another's agent on this port refuses the token
		return nil, fmt.Errorf("ask the shared agent at %s: %w", st.Address, err)
	}
	return &Shared{Address: st.Address, ManagementToken: st.Token, Client: c}, nil
}

// keeperVar makes a test binary the keeper; its value is a keeperTask.
const keeperVar = "WADI_TEST_KEEPER"

// keeperTask is what the keeper is told by its environment.
type keeperTask struct {
	Home     home   `json:"home"`
	StateDir string `json:"state_dir"`
	Binary   string `json:"binary"`
	// Linger is how long the agent stays after its last user.
	Linger time.Duration `json:"linger"`
}

// start runs the keeper and waits until its agent is ready. The keeper
// answers through a pipe: nothing, or what went wrong. Its other files are
// its own, or `go test` would wait for it to end.
func (k keeperTask) start(ctx context.Context) error {
	task, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("describe the keeper's task: %w", err)
	}
	log, err := os.Create(k.Home.log())
	if err != nil {
		return fmt.Errorf("open the keeper's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	answer, keepers, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the keeper's pipe: %w", err)
	}
	defer func() { _ = answer.Close() }()

	cmd := exec.Command("/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{keeperVar + "=" + string(task)}
	for _, kv := range os.Environ() {
		// No more than the agent needs: a variable by which a test binary
		// is told to be something else must not reach the keeper.
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "PATH", "HOME", "TMPDIR", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY":
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{keepers}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = keepers.Close()
	if err != nil {
		return fmt.Errorf("run the keeper of the shared agent: %w", err)
	}
	go func() { _ = cmd.Wait() }() // leave no zombie if it ends before us
	stop := context.AfterFunc(ctx, func() { _ = answer.Close() })
	defer stop()
	text, err := io.ReadAll(answer)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the shared agent: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("wait for the shared agent: %w", err)
	case strings.TrimSpace(string(text)) != "":
		return errors.New(strings.TrimSpace(string(text)))
	}
	return nil
}
