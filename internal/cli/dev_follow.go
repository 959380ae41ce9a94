package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"wadi/reconcile"
)

// follow applies what changes, and shows how the apps are and what they
// write, until the end.
func (d *dev) follow(ctx context.Context, s settings, r *reconcile.Reconciler) error {
	fmt.Fprintln(d.streams.Err, "\nCtrl-C stops everything. Changes of files are applied.")
	ended := withHint(errors.New("the Nomad agent has ended"), "run `wadi dev` again")
	ctx, cancel := context.WithCancelCause(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel(nil)
	wait.Go(func() {
		select {
		case <-d.agent.Done():
			cancel(ended)
		case <-ctx.Done():
		}
	})
	all := *r
	all.Options.Project = "" // its name may change, and nothing else runs here
	d.lines = newLogWriter(d.streams.Out, s, true)
	wait.Go(func() { d.logs(ctx, &all) })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	states := d.states(ctx, &all, nil)
	for {
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), ended) {
				return ended
			}
			return nil // the way this ends
		case change := <-d.watcher.Changes():
			d.again(ctx, all, change)
			states = d.states(ctx, &all, nil)
		case <-tick.C:
			states = d.states(ctx, &all, states)
		}
	}
}

// states are how the apps are now, and says what is not as before; nil says
// nothing.
func (d *dev) states(ctx context.Context, r *reconcile.Reconciler, before map[string]string) map[string]string {
	apps, err := r.Status(ctx, nil)
	if err != nil {
		return before // Nomad is asked again in a second
	}
	now := map[string]string{}
	for _, app := range apps {
		now[app.App] = stateText(app)
		if was, known := before[app.App]; known && was != now[app.App] {
			d.say("%s: %s", app.App, now[app.App])
		}
	}
	return now
}

// stateText is an app's instances in one line.
func stateText(app reconcile.AppStatus) string {
	var parts []string
	for _, p := range app.Processes {
		for _, in := range p.Instances {
			text := fmt.Sprintf("%s #%d %s", p.Type, in.Index, in.State)
			if more := details(in); more != "" {
				text += " (" + more + ")"
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "no instances"
	}
	return strings.Join(parts, ", ")
}
