package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wadi/reconcile"
)

// TestWriteChanges tells what is new, and nothing twice.
func TestWriteChanges(t *testing.T) {
	t.Parallel()
	app := func(name, state, instance string) reconcile.AppStatus {
		a := reconcile.AppStatus{App: name, State: state}
		if instance != "" {
			a.Processes = []reconcile.ProcessStatus{{Type: "web", Instances: []reconcile.InstanceStatus{{State: instance}}}}
		}
		return a
	}
	states := map[string]string{}
	for i, c := range []struct {
		apps []reconcile.AppStatus
		want string
	}{
		{[]reconcile.AppStatus{app("a", "started", "starting"), app("b", "stopped", "")}, "a: web #0 starting, b: stopped"},
		{[]reconcile.AppStatus{app("a", "started", "running"), app("b", "stopped", "")}, "a: web #0 running"},
		{[]reconcile.AppStatus{app("a", "started", "running"), app("b", "stopped", "")}, ""},
		{[]reconcile.AppStatus{app("a", "started", "running")}, "b: gone"},
		{[]reconcile.AppStatus{app("a", "started", "running"), app("b", "started", "")}, "b: no instances"},
	} {
		var out bytes.Buffer
		if err := writeChanges(&out, noon, states, c.apps); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(out.String(), "2026-01-02T12:00:00Z ", "")), "\n", ", ")
		if got != c.want {
			t.Errorf("look %d: %q, want %q", i, got, c.want)
		}
	}
}

// TestWatchEnds ends with Ctrl-C, with the app, and with an error.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	one := []reconcile.AppStatus{{App: "a", State: "stopped"}}
	var out bytes.Buffer
	err := watchStatus(ctx, &out, false, func(context.Context) ([]reconcile.AppStatus, error) {
		cancel(ErrInterrupted)
		return one, nil
	})
	if err != nil || exitCode(ctx, err) != ExitDone {
		t.Errorf("after Ctrl-C: %v", err)
	}
	looks := 0
	out.Reset()
	err = watchStatus(t.Context(), &out, false, func(context.Context) ([]reconcile.AppStatus, error) {
		if looks++; looks == 1 {
			return one, nil
		}
		return nil, &reconcile.UnknownAppError{App: "a"}
	})
	if err != nil || !strings.Contains(out.String(), " a: gone\n") {
		t.Errorf("after the app was destroyed: %v, %q", err, out.String())
	}
	broken := errors.New("broken")
	err = watchStatus(t.Context(), &out, false, func(context.Context) ([]reconcile.AppStatus, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("after an error: %v", err)
	}
}

// TestDisplay draws over what it drew, and never more than there is room for.
func TestDisplay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := &display{w: &out, width: func(any) int { return 12 }, height: func(any) int { return 4 }}
	for _, text := range []string{"one\ntwo\n", "1\n2\n3\n4\n5\n", green + "a line that is too long" + reset + "\n" + green + "ok" + reset + "\n"} {
		if err := d.draw(text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(screen(out.Bytes())), "\n")
		if lines >= 4 {
			t.Errorf("%d lines on a terminal of 4", lines)
		}
	}
	if got, want := string(screen(out.Bytes())), fmt.Sprintf("a line tha…\n%sok%s\n", green, reset); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
