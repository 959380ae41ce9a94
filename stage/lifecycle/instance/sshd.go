package instance

import (
	"fmt"
	"os"

	"wadi/stage/lifecycle/proc"
	"wadi/stage/lifecycle/sshd"
)

// boundVar tells a shell that it is to die with its parent, which is ours.
const boundVar = "WADI_SSHD"

// SSHD is `lifecycle sshd`, executed beside a supervisor in its Nomad task: an
// SSH server on its standard input and output, whose one session is Shell.
func SSHD(args []string) int {
	if len(args) != 0 {
		fmt.Fprintln(os.Stderr, "lifecycle sshd: usage: lifecycle sshd")
		return sshd.Failed
	}
	if err := os.Setenv(boundVar, "1"); err != nil {
		fmt.Fprintln(os.Stderr, "lifecycle sshd:", err)
		return sshd.Failed
	}
	return sshd.Main(func(term, command string) []string {
		argv := []string{proc.Self, "shell", term}
		if command != "" {
			argv = append(argv, command)
		}
		return argv
	})
}
