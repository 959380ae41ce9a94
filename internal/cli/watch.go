package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wadi/reconcile"
)

// watchPause is between two looks of `status --watch`.
const watchPause = time.Second

// watchStatus shows how apps are until ctx ends: on a terminal the table,
// drawn again; elsewhere one line with its time whenever an app changes. It
// ends by itself when a named app is gone.
func watchStatus(ctx context.Context, w io.Writer, color bool, look func(context.Context) ([]reconcile.AppStatus, error)) error {
	show := &display{w: w, width: terminalWidth, height: terminalHeight}
	states := map[string]string{}
	for first := true; ; first = false {
		apps, err := look(ctx)
		var gone *reconcile.UnknownAppError
		switch {
		case ctx.Err() != nil:
			return nil // the way this ends
		case errors.As(err, &gone) && !first:
			_, err := fmt.Fprintf(w, "%s %s: gone\n", time.Now().UTC().Format(time.RFC3339), gone.App)
			return err
		case err != nil:
			return err
		case isTerminal(w):
			var b strings.Builder
			if err := writeApps(&b, apps, color); err != nil {
				return err
			}
			err = show.draw(b.String())
		default:
			err = writeChanges(w, time.Now(), states, apps)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
	}
}

// writeChanges prints a line for every app that is not as states say, and
// brings states up to date.
func writeChanges(w io.Writer, now time.Time, states map[string]string, apps []reconcile.AppStatus) error {
	seen := map[string]bool{}
	for _, app := range apps {
		seen[app.App] = true
		text := stateText(app)
		if app.State == "stopped" {
			text = "stopped"
		}
		if states[app.App] == text {
			continue
		}
		states[app.App] = text
		if _, err := fmt.Fprintf(w, "%s %s: %s\n", now.UTC().Format(time.RFC3339), app.App, text); err != nil {
			return err
		}
	}
	for app := range states {
		if seen[app] {
			continue
		}
		delete(states, app)
		if _, err := fmt.Fprintf(w, "%s %s: gone\n", now.UTC().Format(time.RFC3339), app); err != nil {
			return err
		}
	}
	return nil
}

// display draws a text of several lines over the one that it drew before.
type display struct {
	w             io.Writer
	width, height func(stream any) int
	drawn         int // lines to go up
}

// draw draws as much of the text as the terminal has room for: what has
// scrolled away could not be taken back.
func (s *display) draw(text string) error {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	width, height := s.width(s.w), s.height(s.w)
	if len(lines) >= height {
		lines = append(lines[:max(height-2, 0)], "…")
	}
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r%s", s.drawn, eraseBelow)
	}
	for _, line := range lines {
		if plain := clean(line); cut(plain, width) != plain {
			line = cut(plain, width)
		}
		b.WriteString(line + "\n")
	}
	s.drawn = len(lines)
	_, err := io.WriteString(s.w, b.String())
	return err
}
