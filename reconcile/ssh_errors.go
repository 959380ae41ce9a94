package reconcile

import "fmt"

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
		return fmt.Sprintf("nothing has run in %d tries: try again when its node has less to do; `wadi events %s` says whether the instance ended", e.Tries, e.App)
	}
	return "nothing has run; `wadi events " + e.App + "` says what happened to the instance"
}

// LostShellError is a shell that was asked for, and of which nobody knows how
// it ended.
type LostShellError struct {
	App, Process string
	Index        int
	Why          string
}

func (e *LostShellError) Error() string {
	return fmt.Sprintf("the shell beside instance %d of process %s of app %q was lost before it told how it ended: %s", e.Index, e.Process, e.App, e.Why)
}

// Hint says what to do next.
func (e *LostShellError) Hint() string {
	return "it may have run, so see what it has done before it runs again; `wadi events " + e.App + "` says whether the instance ended"
}
