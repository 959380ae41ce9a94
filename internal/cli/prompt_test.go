package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal: what is written to keys is typed on it.
func terminal(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals on this machine: %v", err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keys, screen
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]error{
		"yes\n": nil, " yes \n": nil, "\n": errDeclined, "no\n": errDeclined, "y\n": errDeclined, "YES\n": errDeclined, "\x04": errDeclined,
	} {
		keys, screen := terminal(t)
		if _, err := keys.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		if err := confirm(t.Context(), Streams{In: screen, Err: &errs}, settings{}, "Do this?"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", typed, err, want)
		}
		if !strings.Contains(errs.String(), "Do this? ") {
			t.Errorf("it did not ask: %q", errs.String())
		}
	}
	// nobody there
	err := confirm(t.Context(), Streams{In: strings.NewReader("yes\n"), Err: &bytes.Buffer{}}, settings{}, "Do this?")
	var h *hinted
	if !errors.As(err, &h) || !strings.Contains(h.Hint(), `"Do this?": --auto-approve`) {
		t.Errorf("off a terminal: %v", err)
	}
	if err := confirm(t.Context(), Streams{In: strings.NewReader("")}, settings{AutoApprove: true}, "Do this?"); err != nil {
		t.Errorf("approved beforehand: %v", err)
	}
	// Ctrl-C in the place of an answer
	_, screen := terminal(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	if err := confirm(ctx, Streams{In: screen, Err: &bytes.Buffer{}}, settings{}, "Do this?"); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}
