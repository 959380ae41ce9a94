package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// RunTask is `lifecycle task`: it runs one command in a copy of the droplet
// and returns its exit code, or ExitTaskTimeout. Nothing but the command
// writes to stdout.
func RunTask(stdout, stderr *os.File) int { return supervised(stdout, stderr, (*supervisor).runTask) }

func (s *supervisor) runTask(ctx context.Context) (int, error) {
	var err error
	var timeout time.Duration
	if s.task, timeout, err = loadOneOff(os.Getenv); err != nil {
		return 1, err
	}
	if err := s.prepare(); err != nil {
		return 1, err
	}
	if err := s.start(ctx); err != nil {
		return s.notStarted(ctx, err)
	}
	code := s.awaitTask(ctx, timeout)
	return code, s.host.KillAll()
}

// loadOneOff reads what a one-off task is told; timeout 0 = none.
func loadOneOff(getenv func(string) string) (t task, timeout time.Duration, err error) {
	if t, err = loadRevision(getenv); err != nil {
		return t, 0, err
	}
	var what lifecycle.Task
	if err := t.secrets.JSON(lifecycle.TaskFile, &what); err != nil {
		return t, 0, err
	}
	t.oneOff = true
	t.process = lifecycle.RunProcess{Type: what.Process, Command: what.Command, MemoryMB: what.MemoryMB, DiskMB: what.DiskMB, User: what.User, NoRoot: what.NoRoot}
	if err := t.loadImage(); err != nil {
		return t, 0, err
	}
	if t.nodeIP = getenv(lifecycle.NodeIPVar); t.nodeIP == "" {
		return t, 0, errors.New(lifecycle.NodeIPVar + " has to be set: this wadi and this lifecycle do not belong together")
	}
	return t, time.Duration(what.TimeoutS) * time.Second, t.findLocalIP()
}

// awaitTask waits for the command, its timeout, or SIGTERM.
func (s *supervisor) awaitTask(ctx context.Context, timeout time.Duration) int {
	command := s.children[0]
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-command.Done():
		s.report(command, "")
		return proc.ExitCode(command.Status())
	case <-late:
		fmt.Fprintf(s.log, "The task exceeded its timeout of %s\n", timeout)
		s.end(nil)
		return lifecycle.ExitTaskTimeout
	case <-ctx.Done():
		s.end(nil)
		return proc.ExitCode(command.Status())
	}
}
