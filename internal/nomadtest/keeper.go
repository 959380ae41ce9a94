package nomadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wadi/nomad/agent"
	"wadi/nomad/agent/flock"
)

// look is how often the keeper looks for users.
const look = 500 * time.Millisecond

// keep is the main function of the keeper. It gives the exit code.
func keep() int {
	// SIGHUP and the like must not end it without the agent.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	const answerFD = 3         // the first of cmd.ExtraFiles
	unix.CloseOnExec(answerFD) // else the agent holds it open
	answer := os.NewFile(answerFD, "answer")
	k, err := startAgent(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(answer, err)
	}
	_ = answer.Close()
	if err == nil {
		err = k.watch(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// keeper owns the shared agent.
type keeper struct {
	keeperTask
	agent *agent.Agent
}

// startAgent does the first half of the keeper's task.
func startAgent(ctx context.Context) (*keeper, error) {
	var task keeperTask
	if err := json.Unmarshal([]byte(os.Getenv(keeperVar)), &task); err != nil {
		return nil, fmt.Errorf("read the keeper's task: %w", err)
	}
	log := filepath.Join(string(task.Home), "nomad.log")
	if err := os.Remove(log); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the last agent's log: %w", err)
	}
	a, err := agent.Start(ctx, agent.Config{
		Binary: task.Binary, StateDir: task.StateDir, LogFile: log, ACL: true,
	})
	if err != nil {
		return nil, err
	}
	k := &keeper{keeperTask: task, agent: a}
	if err := k.announce(); err != nil {
		return nil, errors.Join(err, a.Stop(ctx))
	}
	return k, nil
}

// announce writes the state, whole or not at all.
func (k *keeper) announce() error {
	text, err := json.Marshal(state{Address: k.agent.Address, Token: k.agent.Token})
	if err != nil {
		return fmt.Errorf("write the state of the shared agent: %w", err)
	}
	tmp := k.Home.state() + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return fmt.Errorf("write the state of the shared agent: %w", err)
	}
	if err := os.Rename(tmp, k.Home.state()); err != nil {
		return fmt.Errorf("write the state of the shared agent: %w", err)
	}
	return nil
}

// watch stops the agent when nobody has used it for a while, or when the
// keeper is told to end.
func (k *keeper) watch(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	used := time.Now()
	for {
		select {
		case <-ctx.Done():
			return k.agent.Stop(context.WithoutCancel(ctx))
		case <-k.agent.Done():
			return errors.Join(errors.New("the shared agent ended by itself, see nomad.log"), k.agent.Stop(ctx))
		case <-tick.C:
		}
		// Asked once: who ends the agent has to have taken its state away.
		leave := time.Since(used) >= k.Linger
		idle, err := k.unused(leave)
		switch {
		case err != nil:
			return errors.Join(err, k.agent.Stop(ctx))
		case !idle:
			used = time.Now()
		case leave:
			return k.agent.Stop(ctx)
		}
	}
}

// unused says whether the agent has no user. To leave for good the keeper
// must also know that nobody joins just now, and takes the state away before
// the next one may look.
func (k *keeper) unused(leave bool) (bool, error) {
	start, err := flock.Try(k.Home.start(), flock.Exclusive)
	if errors.Is(err, flock.ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = start.Unlock() }()
	users, err := flock.Try(k.Home.users(), flock.Exclusive)
	if errors.Is(err, flock.ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = users.Unlock() }()
	if leave {
		if err := os.Remove(k.Home.state()); err != nil {
			return false, fmt.Errorf("remove the state of the shared agent: %w", err)
		}
	}
	return true, nil
}
