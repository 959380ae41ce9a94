package remote

import "fmt"

// UnreachableError says that a server could not be asked, or did not answer
// as it should: another time it may. All other errors stay until somebody
// changes something.
type UnreachableError struct {
	Shown string // the address, without secrets
	Err   error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s: it cannot be reached: %v", e.Shown, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// SourceError says what is wrong with a source that could be asked.
type SourceError struct {
	Shown  string // the address without secrets, or the path of a file
	Reason string
	Fix    string // what to do
	Err    error  // what was said on the way; nil = nothing
}

func (e *SourceError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Shown, e.Reason)
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	return text
}

func (e *SourceError) Unwrap() error { return e.Err }

// silence is an answer that did not come in time. It is a net.Error, as those
// of connections are.
type silence struct{ text string }

func (e *silence) Error() string   { return e.text }
func (e *silence) Timeout() bool   { return true }
func (e *silence) Temporary() bool { return true }
