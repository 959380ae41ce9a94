package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"
)

// stopTimeout bounds a clean end: tasks have 15 s to end after SIGTERM, and
// a delay of some seconds before it.
const stopTimeout = 30 * time.Second

// Restart ends the agent's process and starts it again on the same ports and
// data; tasks go on running meanwhile. It needs Config.Persist.
func (a *Agent) Restart(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.config.Persist || a.stopped {
		return errors.New("restart the Nomad agent: it must run, and keep its state on disk (Config.Persist)")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.config.StartTimeout,
		fmt.Errorf("not ready within %s", a.config.StartTimeout))
	defer cancel()
	a.proc.interrupt(ctx)
	if err := a.run(ctx, false, a.ready); err != nil {
		return fmt.Errorf("restart the Nomad agent in %s: %w%s", a.Dir, err, lastLines(a.LogFile))
	}
	return nil
}

// Stop ends the agent with its tasks, executors, mounts and folders, within
// about 30 s. It may be called again, and after the agent was killed.
func (a *Agent) Stop(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return nil
	}
	a.stopped = true
	clean, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if a.proc != nil {
		// An agent that ends in order removes its allocations' folders, but
		// may leave their control groups.
		a.slot.record.Allocs = allocIDs(a.Dir)
		if a.config.Persist && a.running() {
			// In memory, the agent ends its tasks with itself. What this one
			// cannot end cleanly any more, release ends below.
			_ = a.stopJobs(clean)
		}
		a.proc.interrupt(clean)
	}
	// Whoever stops in a hurry (ctx) still wants nothing left behind.
	err := a.slot.release(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("stop the Nomad agent: %w", err)
	}
	return nil
}

func (a *Agent) running() bool {
	select {
	case <-a.proc.done:
		return false
	default:
		return true
	}
}

// stopJobs stops all jobs of all namespaces and waits until their
// allocations have ended.
func (a *Agent) stopJobs(ctx context.Context) error {
	all := (&api.QueryOptions{Namespace: api.AllNamespacesNamespace}).WithContext(ctx)
	jobs, _, err := a.client.Jobs().List(all)
	if err != nil {
		return fmt.Errorf("list the jobs to stop: %w", err)
	}
	for _, j := range jobs {
		w := (&api.WriteOptions{Namespace: j.Namespace}).WithContext(ctx)
		if _, _, err := a.client.Jobs().Deregister(j.ID, false, w); err != nil {
			return fmt.Errorf("stop the job %s: %w", j.ID, err)
		}
	}
	for {
		allocs, meta, err := a.client.Allocations().List(all)
		if err != nil {
			return fmt.Errorf("wait for the allocations to end: %w", err)
		}
		if !anyLive(allocs) {
			return nil
		}
		all.WaitIndex = meta.LastIndex
	}
}

func anyLive(allocs []*api.AllocationListStub) bool {
	for _, a := range allocs {
		switch a.ClientStatus {
		case api.AllocClientStatusComplete, api.AllocClientStatusFailed, api.AllocClientStatusLost:
		default:
			return true
		}
	}
	return false
}
