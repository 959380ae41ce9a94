package instance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

const (
	// attendedVar tells a shell that its parent attends to its end.
	attendedVar = "WADI_ATTENDED"
	// lastWords is how long Nomad gets to read what a shell wrote last.
	lastWords = 300 * time.Millisecond
)

// attend runs this program again and answers its exit code, a moment after
// its end: Nomad's docker driver asks every 100 ms whether a command still
// runs, and if not stops reading its output where it is.
func attend() int {
	// What a terminal sends to its foreground is for the shell. A handler, in
	// contrast to ignoring, is not inherited.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGQUIT, syscall.SIGTSTP)
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), attendedVar+"=1")
	err := cmd.Run()
	time.Sleep(lastWords)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "lifecycle shell:", err)
		return 126
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
