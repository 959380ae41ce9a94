package builder

import (
	"fmt"
	"os"
	"syscall"
)

// Messages of Cloud Foundry's builder (buildpackapplifecycle/models.go).
const (
	msgDetectFail      = "None of the buildpacks detected a compatible application"
	msgCompileFail     = "Failed to compile droplet"
	msgReleaseFail     = "Failed to build droplet release"
	msgSupplyFail      = "Failed to run all supply scripts"
	msgNoSupply        = "Error: one of the buildpacks chosen to supply dependencies does not support multi-buildpack apps"
	msgFinalizeFail    = "Failed to run finalize script"
	msgMissingFinalize = "Warning: the last buildpack is not compatible with multi-buildpack apps and cannot make use of any dependencies supplied by the buildpacks specified before it"
)

// Error is a failed build. Code is the exit code of Cloud Foundry's builder
// for it: 222 to 225, or 1. Msg is the builder's own text, which people and
// scripts know, so it keeps its capital.
type Error struct {
	Code int
	Msg  string
	Err  error // nil where Msg says all
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

func fail(code int, msg string, err error) error { return &Error{Code: code, Msg: msg, Err: err} }

// StatusError is a script that ended otherwise than with 0.
type StatusError struct{ Status syscall.WaitStatus }

func (e *StatusError) Error() string {
	if e.Status.Signaled() {
		return "signal: " + e.Status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", e.Status.ExitStatus())
}

// cannotRun is the error that starting the program gives where the file is
// missing, has no executable bit, or is a script of an interpreter that is not
// there.
func cannotRun(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return &os.PathError{Op: "fork/exec", Path: path, Err: syscall.ENOENT}
	case info.IsDir() || info.Mode().Perm()&0o111 == 0:
		return &os.PathError{Op: "fork/exec", Path: path, Err: syscall.EACCES}
	}
	return interpreterMissing(path)
}
