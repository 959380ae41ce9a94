package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errDeclined ends a command whose question was not answered with "yes".
var errDeclined = errors.New("nothing was done, because the answer was not \"yes\"")

// confirm asks on a terminal; only "yes" is yes. Off a terminal nobody can
// answer: an error unless it was approved beforehand.
func confirm(ctx context.Context, streams Streams, s settings, question string) error {
	if s.AutoApprove {
		return nil
	}
	if !isTerminal(streams.In) {
		return withHint(errors.New("nobody can be asked: the standard input is no terminal"), "the question is %q: --auto-approve answers yes", question)
	}
	fmt.Fprintf(streams.Err, "\n%s Only \"yes\" is taken as yes [No]: ", question)
	answer := make(chan string, 1)
	failed := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(streams.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			failed <- err
			return
		}
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(streams.Err)
		return context.Cause(ctx)
	case err := <-failed:
		return fmt.Errorf("read the answer: %w", err)
	case text := <-answer:
		if text != "yes" {
			return errDeclined
		}
		return nil
	}
}
