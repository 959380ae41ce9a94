package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"wadi/internal/remove"
	"wadi/nomad/agent/flock"
)

// How long what is swept has between SIGINT or SIGTERM and SIGKILL, and how
// long the dead may take to go.
const (
	agentGrace = 10 * time.Second
	taskGrace  = 3 * time.Second
	killWait   = 10 * time.Second
)

// Sweep ends what killed processes left of their agents: everything whose
// record is in stateDir and whose owner no longer lives. No record, no work.
func Sweep(ctx context.Context, stateDir string) error {
	if _, err := os.Stat(stateDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for n := range slots {
		s, err := trySlot(stateDir, n)
		switch {
		case errors.Is(err, flock.ErrHeld):
		case err != nil:
			errs = append(errs, err)
		default:
			errs = append(errs, s.release(ctx))
		}
	}
	return errors.Join(errs...)
}

// sweep ends the agent's processes and removes its containers, mounts,
// control groups and folder.
func (r Record) sweep(ctx context.Context) error {
	allocs := append(allocIDs(r.Dir), r.Allocs...)
	if err := r.endProcesses(ctx, allocs); err != nil {
		return err
	}
	errs := []error{removeContainers(ctx, allocs), unmountBelow(r.Dir), removeGroups(allocs)}
	if err := remove.All(r.Dir); err != nil {
		errs = append(errs, fmt.Errorf("remove the agent's folder: %w", err))
	}
	return errors.Join(errs...)
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// allocIDs are the allocations that the agent's folder has files of.
func allocIDs(dir string) []string {
	var ids []string
	for _, sub := range []string{"alloc", "alloc_mounts"} {
		entries, _ := os.ReadDir(filepath.Join(dir, sub)) // missing: none
		for _, e := range entries {
			if uuid.MatchString(e.Name()) {
				ids = append(ids, e.Name())
			}
		}
	}
	return ids
}

// endProcesses ends the agent, then its tasks, then its helpers: an agent
// that lives would start a task again, and a helper that ends first leaves
// its task without an end.
func (r Record) endProcesses(ctx context.Context, allocs []string) error {
	all := func(p proc) bool { return true }
	agentOnly := func(p proc) bool { return p.processID == r.Process }
	tasks := func(p proc) bool { return p.exe != r.Binary && !agentOnly(p) }
	steps := []struct {
		who   func(proc) bool
		sig   syscall.Signal
		grace time.Duration
	}{
		{agentOnly, syscall.SIGINT, agentGrace},
		{agentOnly, syscall.SIGKILL, killWait},
		{tasks, syscall.SIGTERM, taskGrace},
		{all, syscall.SIGKILL, killWait},
	}
	var left []proc
	for _, s := range steps {
		var err error
		if left, err = r.end(ctx, allocs, s.who, s.sig, s.grace); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("%d processes do not end, the first is %d (%s): end them and sweep again", len(left), left[0].PID, left[0].exe)
	}
	return nil
}

// end signals the processes once each, also those that come while it waits
// for them to end, and gives those that outlive the grace.
func (r Record) end(ctx context.Context, allocs []string, who func(proc) bool, sig syscall.Signal, grace time.Duration) ([]proc, error) {
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	told := map[processID]bool{}
	for {
		list, err := processes()
		if err != nil {
			return nil, err
		}
		var live []proc
		for _, p := range r.own(list, allocs) {
			if !who(p) {
				continue
			}
			live = append(live, p)
			if told[p.processID] {
				continue
			}
			told[p.processID] = true
			if err := p.signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return nil, fmt.Errorf("end process %d (%s): %w", p.PID, p.exe, err)
			}
		}
		if len(live) == 0 {
			return nil, nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return live, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("interrupted while %d processes end: %w", len(live), context.Cause(ctx))
		}
	}
}

// own picks the agent's processes: those that carry its marker, run in a
// control group or in the folder of one of its allocations, and all their
// descendants. A process with a terminal that only stands in the folder is a
// person who looks around: agents run in sessions without one.
func (r Record) own(list []proc, allocs []string) []proc {
	mine := map[int]bool{}
	for _, p := range list {
		below := within(p.root, r.Dir) || within(p.cwd, r.Dir) && !p.tty
		if p.processID == r.Process || p.marker == r.ID || below || inGroup(p.groups, allocs) {
			mine[p.PID] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range list {
			if mine[p.parent] && !mine[p.PID] {
				mine[p.PID], grown = true, true
			}
		}
	}
	var out []proc
	for _, p := range list {
		if mine[p.PID] && p.PID != os.Getpid() {
			out = append(out, p)
		}
	}
	return out
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// inGroup says whether /proc/PID/cgroup names a group of one of the
// allocations: Nomad calls them ALLOC.TASK, with ".scope" on cgroup v2.
func inGroup(groups string, allocs []string) bool {
	for _, id := range allocs {
		if strings.Contains(groups, "/"+id+".") {
			return true
		}
	}
	return false
}
