package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Config says which agent to start. The agent listens on 127.0.0.1 only, on
// ports that were free, and is server and client at once.
type Config struct {
	// Binary is the Nomad executable (Find's Path).
	Binary string
	// Dir is the data folder; "" makes one in the temporary folder. It must
	// not exist yet, be short (at most 60 bytes: unix sockets live in it),
	// and, for a root agent, be reachable for any user. Stop removes it.
	Dir string
	// StateDir holds the record by which Sweep finds what a killed process
	// left; "" means RecordDir(CacheDir()).
	StateDir string
	// LogFile takes the agent's own log; "" means agent.log inside Dir.
	LogFile string
	// LogLevel is Nomad's own; "" means "INFO".
	LogLevel string
	// ACL switches ACLs on; the agent's Token is then the management token.
	ACL bool
	// Persist keeps the state on disk, so that Restart works, at the price
	// of a start that takes twice as long; without it the agent runs in
	// memory (-dev) and ends its tasks with itself.
	Persist bool
	// StartTimeout ends the wait for readiness; 0 means 60 s.
	StartTimeout time.Duration
}

// Agent is a running Nomad agent.
type Agent struct {
	Address string // "http://127.0.0.1:41234"
	Token   string // the management token; "" without ACLs
	Dir     string // the data folder
	LogFile string // the agent's own log

	config Config
	slot   *slot
	client *api.Client

	mu      sync.Mutex // held by Restart and Stop
	proc    *process
	stopped bool
}

// Start starts an agent and returns when it has a leader, its node is ready
// and the raw_exec driver is healthy. The error of an agent that does not
// come up holds the last lines of its log. The agent ends with this process:
// where it cannot clean up any more, Sweep does so later.
func Start(ctx context.Context, c Config) (*Agent, error) {
	if c.StateDir == "" {
		c.StateDir = RecordDir(CacheDir())
	}
	if c.LogLevel == "" {
		c.LogLevel = "INFO"
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.StartTimeout,
		fmt.Errorf("not ready within %s", c.StartTimeout))
	defer cancel()

	a, err := prepare(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("start a Nomad agent: %w", err)
	}
	if err := a.bringUp(ctx); err != nil {
		err = fmt.Errorf("start the Nomad agent %s: %w%s", c.Binary, err, lastLines(a.LogFile))
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, a.Stop(clean))
	}
	return a, nil
}

// prepare takes a slot and lays out the agent's folder.
func prepare(ctx context.Context, c Config) (*Agent, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	if c.Dir == "" {
		if c.Dir, err = defaultDir(id); err != nil {
			return nil, err
		}
	}
	if err := checkDir(c.Dir); err != nil {
		return nil, err
	}
	if c.LogFile == "" {
		c.LogFile = filepath.Join(c.Dir, "agent.log")
	}
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	s, err := claimSlot(ctx, c.StateDir)
	if err != nil {
		return nil, err
	}
	s.record = Record{ID: id, Dir: c.Dir, Binary: c.Binary, Ports: ports}
	if real, err := filepath.EvalSymlinks(c.Binary); err == nil { // as /proc names it
		s.record.Binary = real
	}
	a := &Agent{
		Address: fmt.Sprintf("http://127.0.0.1:%d", ports.HTTP),
		Dir:     c.Dir, LogFile: c.LogFile, config: c, slot: s,
	}
	if err := a.layOut(); err != nil {
		return nil, errors.Join(err, s.release(ctx))
	}
	a.client, err = api.NewClient(&api.Config{Address: a.Address, Namespace: "default", Region: "global"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the client of %s: %w", a.Address, err), s.release(ctx))
	}
	return a, nil
}

// layOut writes the record and then the folder, in this order: what stands
// in no record is never swept.
func (a *Agent) layOut() error {
	if _, err := os.Lstat(a.Dir); err == nil {
		dir := a.Dir
		a.slot.record = Record{} // not ours: never to be removed
		return fmt.Errorf("the data folder %s exists already: name one that does not", dir)
	}
	if err := a.slot.write(); err != nil {
		return err
	}
	for _, dir := range []string{a.Dir, filepath.Join(a.Dir, "tmp")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
		if err := os.Chmod(dir, 0o711); err != nil { // whatever the umask says
			return fmt.Errorf("make the data folder: %w", err)
		}
	}
	return nil
}

// PID is the process id of the agent.
func (a *Agent) PID() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.proc.pid
}

// Done is closed when the agent's process has ended, by Stop or by itself.
// After a Restart it is another channel.
func (a *Agent) Done() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.proc.done
}
