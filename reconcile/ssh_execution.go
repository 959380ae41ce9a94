package reconcile

import (
	"context"
	"io"
	"sync"
	"time"

	"wadi/nomad"
)

// execute executes a command in an instance and answers its exit code, both as
// far as Nomad knows.
type execute func(context.Context, nomad.Exec) (int, error)

// lifecyclePath is where a task has the lifecycle, from its working folder.
const lifecyclePath = "local/lifecycle"

// farewell is how long a command may take to end that has lost its input.
const farewell = 3 * time.Second

// execution is a command that Nomad executes in an instance.
type execution struct {
	stdin  *io.PipeWriter
	stdout *io.PipeReader
	abort  context.CancelFunc // ends it at once

	done chan struct{} // closed when it has ended as far as Nomad knows
	code int           // as the others, set before that
	err  error
	said lines // stderr
}

func start(ctx context.Context, execute execute, command ...string) *execution {
	ctx, abort := context.WithCancel(context.WithoutCancel(ctx)) // it has its farewell after ctx
	stdinReader, stdin := io.Pipe()
	stdout, stdoutWriter := io.Pipe()
	x := &execution{stdin: stdin, stdout: stdout, abort: abort, done: make(chan struct{})}
	go func() {
		defer close(x.done)
		x.code, x.err = execute(ctx, nomad.Exec{Command: command, Stdin: stdinReader, Stdout: stdoutWriter, Stderr: &x.said})
		_, _ = stdoutWriter.Close(), stdinReader.Close() // they answer nil
	}()
	return x
}

// end closes the command's input, by which it knows that it is to end, waits
// a little, and then ends it for Nomad.
func (x *execution) end() {
	_ = x.stdin.Close() // it answers nil
	go func() {
		_, _ = io.Copy(io.Discard, x.stdout) // until it is closed
	}()
	select {
	case <-x.done:
	case <-time.After(farewell):
	}
	x.abort()
	<-x.done
}

// lines keeps the beginning of what is written to it.
type lines struct {
	mu   sync.Mutex
	text []byte
}

// keptLines is enough for an error, in bytes.
const keptLines = 4096

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p[:min(len(p), keptLines-len(l.text))]...)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
