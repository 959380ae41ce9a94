package nomad

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// Exec is a command that runs beside an instance's task.
type Exec struct {
	Command        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// TTY asks for a terminal; Sizes tells its sizes, the first one too.
	TTY   bool
	Sizes <-chan TerminalSize
}

// TerminalSize is in characters.
type TerminalSize = api.TerminalSize

// Exec runs a command in the allocation's task as the user that Nomad starts
// the task as, and answers what Nomad takes for its exit code. It needs the
// capability alloc-exec, and alloc-node-exec where tasks are not isolated:
// without, the error is a 403. It ends when ctx ends.
//
// Nomad's docker driver may answer 0 of a command that has not begun, and begin
// it then; it ends no command when ctx ends; and it may not pass on what a
// command wrote last. So a command should say itself that it has begun and how
// it ended, and end when its input does.
func (c *Client) Exec(ctx context.Context, allocID, task string, e Exec) (int, error) {
	alloc, err := c.Allocation(ctx, allocID)
	if err != nil {
		return 0, err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	out, errs := &sink{w: e.Stdout, onError: cancel}, &sink{w: e.Stderr, onError: cancel}
	code, err := c.API.Allocations().Exec(running, alloc, task, e.TTY, e.Command, e.Stdin, out, errs, e.Sizes, c.query(running))
	if err := errors.Join(out.failed(), errs.failed()); err != nil {
		return 0, err
	}
	op := "run a command in instance " + short(allocID)
	switch {
	case err == nil:
		return code, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case StatusOf(err) == http.StatusForbidden || strings.Contains(err.Error(), api.PermissionDeniedErrorContent):
		// past the handshake nomad/api keeps nothing but the text
		return 0, &Error{Op: op, Addr: c.addr, Status: http.StatusForbidden, Err: errors.New("the token may not do this: permission denied"),
			hint: "the token in NOMAD_TOKEN needs the capabilities alloc-exec and, for the driver raw_exec, alloc-node-exec in namespace " + c.Space}
	}
	return 0, c.wrap(op, err)
}
