package proc

import "syscall"

// ExitCode is the code a shell would give for status: that of the program,
// or 128 and the number of the signal that ended it.
func ExitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
