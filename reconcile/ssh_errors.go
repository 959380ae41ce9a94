package reconcile

import (
	"fmt"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// NoShellError is a shell that Nomad did not begin, and that has not run.
type NoShellError struct {
	App, Process string
	Index        int
	Tries        int
	Why          string // of the last one
}

func (e *NoShellError) Error() string {
	return fmt.Sprintf("no shell began beside instance %d of process %s of app %q: %s", e.Index, e.Process, e.App, e.Why)
}

// Hint says what to do next.
func (e *NoShellError) Hint() string {
	if e.Tries > 1 {
		return fmt.Sprintf("nothing has run in %d tries: try again once its node has less to do and Nomad can be reached; `wadi events %s` says whether the instance ended", e.Tries, e.App)
	}
	return "nothing has run; `wadi events " + e.App + "` says what happened to the instance"
}

// LostShellError is a shell that was asked for, and of which nobody knows how
// it ended.
type LostShellError struct {
	App, Process string
	Index        int
	Begun        bool // false where nobody knows that either
	Why          string
}

func (e *LostShellError) Error() string {
	return fmt.Sprintf("the shell beside instance %d of process %s of app %q was lost before it told how it ended: %s", e.Index, e.Process, e.App, e.Why)
}

// Hint says what to do next.
func (e *LostShellError) Hint() string {
	hint := "see what it has done before it runs again"
	if !e.Begun {
		hint = "it may have run, so " + hint
	}
	return hint + "; `wadi events " + e.App + "` says what happened to the instance"
}

// endOfInstance says how an instance has ended since it was as before; "" if it
// has not, or Nomad does not know yet.
func endOfInstance(before *api.AllocationListStub, now *api.Allocation) string {
	was, is := before.TaskStates[nomad.TaskName], now.TaskStates[nomad.TaskName]
	switch {
	case now.DesiredStatus != api.AllocDesiredStatusRun:
		return "the instance was stopped"
	case is == nil || was == nil:
		return ""
	case is.State == "dead":
		return "the instance has ended"
	case is.Restarts != was.Restarts || !is.StartedAt.Equal(was.StartedAt):
		return "the instance has ended, and started again"
	}
	return ""
}
