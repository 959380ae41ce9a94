package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"wadi/reconcile"
)

func newApply(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PATH…]",
		Short: "Make what runs match the files",
		Long: `Make what runs match the files: show the plan, ask, then upload and stage what
changed, and deploy it without a gap. At the end the apps' instances are shown
and how long each phase took. Only "yes" is taken as yes; where nobody can be
asked, --auto-approve is needed.

With --json the outcome is one document on stdout, and the plan and the
progress go to stderr.

Ctrl-C starts nothing new and stops stagings; a deployment that has begun is
left to Nomad. A second Ctrl-C ends at once.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			r, plan, err := s.plan(cmd.Context(), streams)
			if err != nil {
				return err
			}
			return carryOut(cmd.Context(), streams, s, r, plan, "Do this?")
		},
	}
	addFlags(cmd, append(planFlags, keyAutoApprove, keyStagingLimit)...)
	return cmd
}

// carryOut shows a plan, asks, applies it, and shows what came of it.
func carryOut(ctx context.Context, streams Streams, s settings, r *reconcile.Reconciler, plan *reconcile.Plan, question string) error {
	text := streams.Out
	if s.JSON {
		text = streams.Err
	}
	if err := plan.WriteText(text, reconcile.TextOptions{Color: s.color(text), Dir: s.Dir}); err != nil {
		return err
	}
	if plan.Changes() {
		if err := confirm(ctx, streams, s, question); err != nil {
			return err
		}
	}
	outcome, err := execute(ctx, streams, s, r, plan)
	return showOutcome(ctx, streams, s, outcome, err)
}

// showOutcome shows the apps as they are now, and why err happened.
func showOutcome(ctx context.Context, streams Streams, s settings, outcome *reconcile.Outcome, err error) error {
	if s.JSON {
		if jsonErr := writeJSON(streams.Out, outcome); jsonErr != nil {
			return jsonErr
		}
	} else if showErr := writeOutcome(streams.Out, outcome, s.color(streams.Out)); showErr != nil {
		return showErr
	}
	if err == nil {
		return nil
	}
	return reportFailures(ctx, streams, s, outcome, err)
}

// execute applies the plan with its progress on stderr.
func execute(ctx context.Context, streams Streams, s settings, r *reconcile.Reconciler, plan *reconcile.Plan) (*reconcile.Outcome, error) {
	show := newProgress(streams, s)
	r.Tell = show.event
	if r.Blobs != nil {
		before := r.Blobs.OnSilence
		defer func() { r.Blobs.OnSilence = before }()
		r.Blobs.OnSilence = tellSilence(r.Blobs.URL, show.say)
	}
	stop := show.run()
	defer stop()
	return r.Apply(ctx, plan)
}

// writeOutcome shows the apps as they run now, and the phases' times.
func writeOutcome(w io.Writer, outcome *reconcile.Outcome, color bool) error {
	var apps []reconcile.AppStatus
	for _, app := range outcome.Apps {
		if app.Status != nil {
			apps = append(apps, *app.Status)
		}
	}
	if len(apps) > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := writeApps(w, apps, color); err != nil {
		return err
	}
	return writePhases(w, outcome)
}

// reportFailures shows, app by app, why it failed, what its instance said
// last, and what to try next.
func reportFailures(ctx context.Context, streams Streams, s settings, outcome *reconcile.Outcome, err error) error {
	failed := 0
	for _, app := range outcome.Apps {
		if app.Err == nil {
			continue
		}
		failed++
		fmt.Fprintln(streams.Err)
		printError(streams.Err, app.Err, s.color(streams.Err), s.Dir)
		printApp(streams.Err, app.Err)
		s.GitHub.failure(streams.Err, app.Err)
	}
	switch {
	case failed == 0:
		return err
	case errors.Is(context.Cause(ctx), ErrInterrupted):
		fmt.Fprintln(streams.Err, "\n`wadi plan` says what is left to do.")
	}
	return errReported
}

// printApp shows what is known of the instance that failed.
func printApp(w io.Writer, err error) {
	var app *reconcile.AppError
	if !errors.As(err, &app) {
		return
	}
	if errors.Is(err, ErrInterrupted) {
		app = &reconcile.AppError{Next: app.Next} // its log explains nothing
	}
	for _, section := range []struct {
		title string
		lines []string
	}{{"Events of the instance:", app.Events}, {"Last lines of its log:", app.Log}, {"Next:", app.Next}} {
		if len(section.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", section.title)
		for _, line := range section.lines {
			fmt.Fprintf(w, "  %s\n", clean(line))
		}
	}
}
