package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wadi/spec"
)

func TestWantColor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag     bool
		env      string // "NAME=value …"
		terminal bool
		want     bool
	}{
		{false, "", false, false},
		{false, "", true, true},
		{false, "TERM=dumb", true, false},
		{false, "CLICOLOR_FORCE=1", false, true},
		{false, "CLICOLOR_FORCE=0", false, false},
		{false, "NO_COLOR=1 CLICOLOR_FORCE=1", true, false},
		{true, "CLICOLOR_FORCE=1", true, false},
	} {
		env := func(name string) string {
			for field := range strings.FieldsSeq(c.env) {
				if value, ok := strings.CutPrefix(field, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := wantColor(c.flag, env, c.terminal); got != c.want {
			t.Errorf("flag %v, environment %q, terminal %v: %v", c.flag, c.env, c.terminal, got)
		}
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	running := t.Context()
	stopped, cancel := context.WithCancelCause(running)
	cancel(ErrInterrupted)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{running, nil, 0},
		{running, errors.New("x"), 1},
		{running, errReported, 1},
		{running, errDeclined, 1},
		{running, spec.Diagnostics{{Severity: spec.SeverityError}}, 1},
		{running, fmt.Errorf("plan: %w", errChanges), 2},
		{stopped, errReported, 130},
		{stopped, context.Canceled, 130},
		{stopped, nil, 0}, // it was done before, or its end is this (dev, servers)
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v (%v): %d, want %d", c.err, context.Cause(c.ctx), got, c.want)
		}
	}
	if !errors.Is(ErrInterrupted, context.Canceled) {
		t.Error("ErrInterrupted is no context.Canceled, so nobody recognises it")
	}
}

func TestChoosePort(t *testing.T) {
	t.Parallel()
	free := func(taken ...int) func(int) bool {
		return func(port int) bool {
			for _, p := range taken {
				if p == port {
					return false
				}
			}
			return true
		}
	}
	for _, c := range []struct {
		name string
		wish portWish
		free func(int) bool
		want int
		err  string
	}{
		{"the default", portWish{Default: 8080}, free(), 8080, ""},
		{"the next free one", portWish{Default: 8080}, free(8080, 8081), 8082, ""},
		{"none at all", portWish{What: "the router", Default: 8080}, func(int) bool { return false }, 0, "no port is free for the router between 8080 and 8179"},
		{"asked for", portWish{Default: 8080, Given: 9000}, free(), 9000, ""},
		{"asked for and taken", portWish{What: "the router", Default: 8080, Given: 9000}, free(9000), 0, "port 9000 for the router is taken by another program"},
		{"asked for, and ours already", portWish{Default: 8080, Given: 9000, Kept: 9000, Ours: true}, free(9000), 9000, ""},
		{"no port", portWish{Flag: "--router-port", Given: 70000}, free(), 0, "--router-port 70000 is no port"},
		{"as it was", portWish{Default: 8080, Kept: 9000}, free(), 9000, ""},
		{"as it is", portWish{Default: 8080, Kept: 9000, Ours: true}, free(9000), 9000, ""},
		{"as it was, but taken meanwhile", portWish{What: "the router", Default: 8080, Kept: 9000}, free(9000), 0, "port 9000, which the router had so far, is taken by another program"},
	} {
		got, err := choosePort(c.wish, c.free)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %d, %v", c.name, got, err)
		}
		var h *hinted
		if err != nil && !errors.As(err, &h) {
			t.Errorf("%s: the error does not say what to do", c.name)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	if got := clean("a\x1b[2J\tb\r\n\x07\u009b\x1b]0;c\x1b[1;31md\x1b[0m"); got != "a\tb]0;cd" {
		t.Errorf("%q", got)
	}
}
