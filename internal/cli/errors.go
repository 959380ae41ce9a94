package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"wadi/spec"
)

// Exit codes.
const (
	ExitDone        = 0
	ExitError       = 1
	ExitChanges     = 2
	ExitInterrupted = 130
)

// ErrInterrupted is the cause with which main cancels the context at the
// first signal. It is a context.Canceled, because net/http answers causes in
// the place of it.
var ErrInterrupted error = interrupted{}

type interrupted struct{}

func (interrupted) Error() string        { return "interrupted" }
func (interrupted) Is(target error) bool { return target == context.Canceled }

// errChanges ends `plan --detailed-exitcode` when there are changes.
var errChanges = errors.New("there are changes")

// exitStatus ends a command with the exit code of what it ran, which has
// said itself what there is to say.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// passOn makes a command's end of an exit code.
func passOn(code int, err error) error {
	if err == nil && code != 0 {
		return exitStatus(code)
	}
	return err
}

// errReported ends a command that has already said what went wrong.
var errReported = errors.New("already reported")

// hinted is an error and what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// Hint says what to do next.
func (e *hinted) Hint() string { return e.hint }

// withHint adds what to do next to an error.
func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// exitCode is the one place where errors become exit codes.
func exitCode(ctx context.Context, err error) int {
	var status exitStatus
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(context.Cause(ctx), ErrInterrupted):
		return ExitInterrupted
	case errors.Is(err, errChanges):
		return ExitChanges
	case errors.As(err, &status):
		return int(status)
	default:
		return ExitError
	}
}

// printError shows an error and, apart from it, what to do next.
func printError(w io.Writer, err error, color bool, dir string) {
	var diags spec.Diagnostics
	var status exitStatus
	switch {
	case errors.Is(err, errChanges), errors.Is(err, errReported), errors.As(err, &status):
		return
	case errors.As(err, &diags):
		spec.WriteText(w, diags, dir, color)
	default:
		label := paint(color, red, "Error")
		if errors.Is(err, ErrInterrupted) {
			label = "Interrupted"
		}
		fmt.Fprintf(w, "%s: %v\n", label, err)
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(w, "\n%s\n", h.Hint())
	}
}
