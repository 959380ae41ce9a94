package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wadi/stage/blob"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/proc"
)

// Run is `lifecycle stage`. It returns the exit code of the task: 0, that of
// Cloud Foundry's builder, 143 when it was stopped, or 1.
func Run(stdout, stderr *os.File) int {
	out, errs := proc.NewLastWords(stdout, "stdout", os.Getenv), proc.NewLastWords(stderr, "stderr", os.Getenv)
	defer errs.Await()
	defer out.Await()
	return run(out, errs)
}

func run(stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	t, err := newTask(stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	timed, cancel := context.WithTimeoutCause(ctx, t.timeout(), &timeoutError{After: t.timeout(), spent: t.steps})
	defer cancel()
	result, err := t.stage(timed)
	err = errors.Join(err, t.host.KillAll())
	code := 0
	if err != nil {
		t.out.CloseStdout()
		code = report(timed, t.out.Stderr, err)
	}
	t.out.Close()
	if err != nil {
		return code
	}
	if err := t.finish(timed, result, stdout); err != nil {
		return report(timed, stderr, err)
	}
	return 0
}

// timeoutError is a staging that took too long.
type timeoutError struct {
	After time.Duration
	spent *steps
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("exceeded %s timeout (%s): make the build smaller, or give it more time (wadi apply --staging-timeout)", e.After, e.spent)
}

// report prints why staging failed and says with which code it ends.
func report(ctx context.Context, stderr io.Writer, err error) int {
	code := 1
	var failed *builder.Error
	var late *timeoutError
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &late): // whatever step it met
		err, code = late, lifecycle.ExitStagingTimeout
	case cause != nil:
		fmt.Fprintln(stderr, "staging was stopped")
		return 128 + int(syscall.SIGTERM)
	case errors.As(err, &failed):
		code = failed.Code
	}
	fmt.Fprintln(stderr, explain(err))
	fmt.Fprintf(stderr, "%s%d\n", lifecycle.ExitStatus, code)
	return code
}

// explain adds what to do about a blob store that says no.
func explain(err error) string {
	switch {
	case errors.Is(err, blob.ErrUnauthorized):
		return err.Error() + ": the blob store refused the identity of this task: it has to verify tokens with the Nomad cluster that this task runs on (wadi platform status)"
	case errors.Is(err, blob.ErrNotFound):
		return err.Error() + ": apply the app again, which uploads what is missing"
	}
	return err.Error()
}
