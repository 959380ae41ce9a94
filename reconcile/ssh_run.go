package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// run runs a shell over the connection and answers its exit code.
func (c *connection) run(ctx context.Context, o ShellOptions) (int, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	stop := context.AfterFunc(ctx, c.x.abort) // nothing runs yet that would have to hear of it
	session, err := c.open(o.Terminal)
	stop()
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, &NoShellError{Process: o.Process, Index: o.Instance, Tries: 1, Why: err.Error()}
	}
	session.Stdout, session.Stderr = &output{o.Stdout, fail}, &output{o.Stderr, fail}
	stdin, err := session.StdinPipe()
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	begun := false // nobody looks before ended
	go func() {
		if err := begin(session, o.Command); err != nil {
			ended <- err
			return
		}
		begun = true
		go send(stdin, o.Stdin, fail)
		if o.Terminal != nil {
			go follow(ctx, session, o.Terminal)
		}
		ended <- session.Wait()
	}()
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case err = <-ended:
	}
	var exit *ssh.ExitError
	switch {
	case ctx.Err() != nil: // its output could not be written
		return 0, context.Cause(ctx)
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	}
	c.x.end()
	return 0, &LostShellError{Process: o.Process, Index: o.Instance, Begun: begun, Why: c.whyLost(err)}
}

// open opens a session, on a terminal if there is one. Nothing runs yet.
func (c *connection) open(t *Terminal) (*ssh.Session, error) {
	session, err := c.client.NewSession()
	if err != nil || t == nil {
		return session, err
	}
	if err := t.Enter(); err != nil {
		return nil, err
	}
	size := <-t.Sizes
	return session, session.RequestPty(t.Kind, size.Height, size.Width, ssh.TerminalModes{})
}

func begin(session *ssh.Session, command string) error {
	if command == "" {
		return session.Shell()
	}
	return session.Start(command)
}

// send passes on what is read. Where that ends the shell's input does.
func send(stdin io.WriteCloser, from io.Reader, fail context.CancelCauseFunc) {
	in := &input{Reader: from}
	_, _ = io.Copy(stdin, in) // a shell that has ended reads nothing
	_ = stdin.Close()
	if in.err != nil {
		fail(fmt.Errorf("reading the input of the shell: %w", in.err))
	}
}

// follow passes on the sizes of the terminal.
func follow(ctx context.Context, session *ssh.Session, t *Terminal) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-t.Sizes:
			if !ok || session.WindowChange(size.Height, size.Width) != nil {
				return
			}
		}
	}
}

// whyLost is what is known of a connection that ended without an exit code.
func (c *connection) whyLost(err error) string {
	var missing *ssh.ExitMissingError
	switch {
	case c.x.err != nil:
		return c.x.err.Error()
	case c.x.said.String() != "":
		return c.x.said.String()
	case errors.As(err, &missing) || errors.Is(err, io.EOF):
		return fmt.Sprintf("Nomad says that it ended with exit code %d", c.x.code)
	}
	return err.Error()
}

// output ends the shell where it cannot be written.
type output struct {
	io.Writer
	fail context.CancelCauseFunc
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.fail(fmt.Errorf("writing the output of the shell: %w", err))
	}
	return n, err
}

// input remembers its error.
type input struct {
	io.Reader
	err error
}

func (i *input) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		i.err = err
	}
	return n, err
}
