package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"wadi/internal/cli/watch"
	"wadi/reconcile"
	"wadi/spec"
	"wadi/stage/archive"
)

// first applies the files for the first time, with everything that is to be
// told about it, and asks the routes.
func (d *dev) first(ctx context.Context, s settings, r *reconcile.Reconciler, doc *spec.Document) error {
	plan, err := r.Plan(ctx, doc)
	if err != nil {
		return err
	}
	outcome, err := execute(ctx, d.streams, s, r, plan)
	if showErr := writeOutcome(d.streams.Out, outcome, s.color(d.streams.Out)); showErr != nil {
		return showErr
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // this Nomad is stopped: nothing goes on in it
	}
	if err != nil {
		return d.report(ctx, s, outcome, err)
	}
	return d.askNewRoutes(ctx, r, outcome)
}

// report is reportFailures without the commands to try next: they would ask
// the Nomad of the environment, which is another one.
func (d *dev) report(ctx context.Context, s settings, outcome *reconcile.Outcome, err error) error {
	for _, app := range outcome.Apps {
		var failure *reconcile.AppError
		if errors.As(app.Err, &failure) {
			failure.Next = nil
		}
	}
	return reportFailures(ctx, d.streams, s, outcome, err)
}

// again makes what runs match the files after a change. What goes wrong is
// said and no error: what runs stays, and the next change is another try.
// r says with which Nomad and lifecycle.
func (d *dev) again(ctx context.Context, r reconcile.Reconciler, change watch.Change) {
	began := time.Now()
	s, plan, err := d.replan(ctx, &r)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		d.say("%s", changeText(change, d.dir))
		d.failed(s, err)
		return
	case !plan.Changes():
		// a file was touched, or its change was taken back
		if d.behind {
			d.say("%s: what runs is what the files say.", changeText(change, d.dir))
		}
		d.behind = false
		return
	}
	d.say("%s", changeText(change, d.dir))
	slow := &slowPhases{say: d.say, timers: map[string]*time.Timer{}}
	r.Tell = slow.event
	outcome, err := r.Apply(ctx, plan)
	slow.stop()
	if ctx.Err() != nil {
		return
	}
	for _, app := range outcome.Apps {
		if app.Err == nil && len(app.Phases) > 0 {
			d.say("%s: %s", app.App, phasesText(app.Phases))
		}
	}
	switch {
	case changedMeanwhile(err):
	case err != nil:
		d.mu.Lock()
		err = d.report(ctx, s, outcome, err)
		d.mu.Unlock()
	default:
		err = d.askNewRoutes(ctx, &r, outcome)
	}
	if err != nil {
		d.failed(s, err)
		return
	}
	d.ran, d.behind = true, false
	d.say("The files run after %s.", seconds(time.Since(began).Seconds()))
}

// replan reads the files again and plans them, with r's options set anew.
func (d *dev) replan(ctx context.Context, r *reconcile.Reconciler) (settings, *reconcile.Plan, error) {
	s, doc, err := d.read(ctx)
	if err != nil {
		return s, nil, err
	}
	r.Options = s.options(ctx, s.project(doc))
	plan, err := r.Plan(ctx, doc)
	return s, plan, err
}

// failed says why the files are not what runs, and what happens next.
func (d *dev) failed(s settings, err error) {
	d.behind = true
	if changedMeanwhile(err) {
		d.say("Files changed while they were read: they are read again.")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	printError(d.streams.Err, err, s.color(d.streams.Err), s.Dir)
	next := "Fix it and save: the next change is applied."
	if d.ran {
		next = "What ran before stays. " + next
	}
	fmt.Fprintln(d.streams.Err, "\n"+next)
}

// changedMeanwhile says whether a file changed while it was read. The watcher
// tells of it too, so nobody has to do anything about it.
func changedMeanwhile(err error) bool {
	var changed *archive.ChangedError
	return errors.As(err, &changed)
}

// askNewRoutes asks the routes that were not asked before.
func (d *dev) askNewRoutes(ctx context.Context, r *reconcile.Reconciler, outcome *reconcile.Outcome) error {
	fresh := &reconcile.Outcome{}
	for _, app := range outcome.Apps {
		if app.Status == nil {
			continue
		}
		routes := strings.Join(app.Status.URLs, " ")
		if d.asked[app.App] != routes {
			d.asked[app.App] = routes
			fresh.Apps = append(fresh.Apps, app)
		}
	}
	return d.askRoutes(ctx, r, fresh)
}

// shownPaths is how many of the changed paths are named.
const shownPaths = 3

// changeText says what has changed, in one line.
func changeText(change watch.Change, dir string) string {
	var names []string
	for _, path := range change.Paths[:min(len(change.Paths), shownPaths)] {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
		names = append(names, path)
	}
	text := strings.Join(names, ", ")
	if more := len(change.Paths) - len(names) + change.More; more > 0 {
		text += " and " + count(more, "other", "others")
	}
	if text == "" {
		text = "Files"
	}
	return text + " changed"
}

// phasesText says how long an app took: "staged in 1.2s, started in 2.0s".
// What took no time is left out.
func phasesText(phases []reconcile.PhaseTime) string {
	var parts []string
	for _, p := range phases {
		if word := phaseDone[p.Phase]; word != "" && p.Seconds >= 0.05 {
			parts = append(parts, word+" in "+seconds(p.Seconds))
		}
	}
	if len(parts) == 0 {
		return "done"
	}
	return strings.Join(parts, ", ")
}

// phaseDone words the phases that people wait for.
var phaseDone = map[reconcile.Phase]string{
	reconcile.PhaseUpload: "uploaded", reconcile.PhaseStaging: "staged",
	reconcile.PhaseStart: "started", reconcile.PhaseStop: "stopped",
}

// slowPhase is how long a phase may take before it is told.
const slowPhase = 5 * time.Second

// slowPhases tells, of all that happens, the phases that take long: a calm
// progress for what happens all day.
type slowPhases struct {
	say func(format string, args ...any)

	mu     sync.Mutex
	timers map[string]*time.Timer // by app
}

func (p *slowPhases) event(e reconcile.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Started:
		p.timers[e.App] = time.AfterFunc(slowPhase, func() { p.say("%s", phaseText(e)) })
	case e.Ended && p.timers[e.App] != nil:
		p.timers[e.App].Stop()
	}
}

// stop tells nothing more.
func (p *slowPhases) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, timer := range p.timers {
		timer.Stop()
	}
}
