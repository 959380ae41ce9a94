package cli

import (
	"context"
	"fmt"
	"time"

	"wadi/reconcile"
)

// logsPause is how long to wait before the logs are asked for again after
// Nomad did not give them.
const logsPause = time.Second

// logs shows what the apps write until ctx ends.
func (d *dev) logs(ctx context.Context, r *reconcile.Reconciler) {
	o := reconcile.LogOptions{Instance: -1, Lines: linesFollowing}
	for {
		var written error
		err := r.Logs(ctx, nil, o, func(line reconcile.AppLine) error {
			written = d.logLine(line)
			return written
		})
		if ctx.Err() != nil || written != nil {
			return // nobody reads any more
		}
		d.say("The apps' logs are interrupted: %v", err)
		o.Lines = 0 // they were shown
		select {
		case <-ctx.Done():
			return
		case <-time.After(logsPause):
		}
	}
}

// logLine shows one line. What stages is told where it fails.
func (d *dev) logLine(line reconcile.AppLine) error {
	if line.Process == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines.line(line)
}

// say writes a line with its time.
func (d *dev) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.streams.Err, "%s %s\n", time.Now().Format(time.TimeOnly), clean(fmt.Sprintf(format, args...)))
}
