package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage/lifecycle/sshd"
)

const (
	// shellTries is how often a shell is asked for that has not begun: Nomad's
	// docker driver may take one for ended that has not, the more often the
	// busier its node is.
	shellTries = 10
	shellPause = 50 * time.Millisecond // after the first try; then twice, three times as long
	// handshakePatience is how long an instance may take to answer.
	handshakePatience = time.Minute
)

// shell connects to the instance where execute runs commands, and runs there
// what o says. Instances that an older wadi has started know no SSH.
func shell(ctx context.Context, execute execute, o ShellOptions) (int, error) {
	for try := 1; ; try++ {
		c, x := connect(ctx, execute)
		if c != nil {
			defer c.x.end()
			return c.run(ctx, o)
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		verdict, why := judge(x.code, x.err, x.said.String())
		switch {
		case verdict == noSSH:
			return shellWithoutSSH(ctx, execute, o)
		case verdict == refused:
			return 0, x.err
		case verdict == silent || try == shellTries:
			return 0, &NoShellError{Process: o.Process, Index: o.Instance, Tries: try, Why: why}
		}
		if err := sleep.For(ctx, time.Duration(try)*shellPause); err != nil {
			return 0, err
		}
	}
}

// verdict says what follows from how a command ended that was to begin SSH.
type verdict int

const (
	tryAgain verdict = iota // nothing was asked of the instance, so nothing has run
	refused
	silent
	noSSH
)

// errNoAnswer is an instance that has said nothing for handshakePatience.
var errNoAnswer = errors.New("the instance has not answered for " + handshakePatience.String())

// judge looks at the exit code that Nomad tells of `lifecycle sshd`, or its
// error, and at what the command wrote to stderr.
func judge(code int, err error, said string) (verdict, string) {
	said = strings.TrimSpace(said)
	switch {
	case errors.Is(err, errNoAnswer):
		return silent, err.Error()
	case nomad.StatusOf(err) == http.StatusForbidden, nomad.StatusOf(err) == http.StatusNotFound:
		return refused, err.Error()
	case strings.Contains(said, `unknown command "sshd"`), err == nil && code == usageError && said == "":
		return noSSH, ""
	case err != nil:
		return tryAgain, err.Error()
	case said != "":
		return tryAgain, said
	case code == 0:
		return tryAgain, "Nomad took it for ended before it began"
	}
	return tryAgain, fmt.Sprintf("it ended with exit code %d and said nothing", code)
}

// usageError is the exit code of a lifecycle that does not know a command.
const usageError = 2

// shellWithoutSSH runs a shell beside an instance whose lifecycle is older
// than `lifecycle sshd`: how it ended is what Nomad says.
func shellWithoutSSH(ctx context.Context, execute execute, o ShellOptions) (int, error) {
	e := nomad.Exec{Command: []string{lifecyclePath, "shell", ""}, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr}
	if o.Terminal != nil {
		e.Command[2], e.TTY, e.Sizes = o.Terminal.Kind, true, o.Terminal.Sizes
		if err := o.Terminal.Enter(); err != nil {
			return 0, err
		}
	}
	if o.Command != "" {
		e.Command = append(e.Command, o.Command)
	}
	return execute(ctx, e)
}

// connection is SSH with an instance.
type connection struct {
	x      *execution
	client *ssh.Client
}

// connect starts an SSH server in the instance and opens a session there. In
// place of a connection there is what ended before anything was asked of it.
func connect(ctx context.Context, execute execute) (*connection, *execution) {
	limited, cancel := context.WithTimeoutCause(ctx, handshakePatience, errNoAnswer)
	defer cancel()
	x := start(ctx, execute, lifecyclePath, "sshd")
	late := context.AfterFunc(limited, x.abort)
	// Nomad's API says who is at the other end, and keeps others from it.
	config := &ssh.ClientConfig{User: "vcap", HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	conn, channels, requests, err := ssh.NewClientConn(sshd.Conn{Reader: x.stdout, WriteCloser: x.stdin}, "instance", config)
	if late() && err == nil {
		return &connection{x: x, client: ssh.NewClient(conn, channels, requests)}, nil
	}
	x.end()
	if limited.Err() != nil {
		x.err = context.Cause(limited)
	}
	return nil, x
}
