package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wadi/reconcile"
)

func newEvents(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events [APP…]",
		Short: "Show what happened to apps",
		Long: `Show what happened to apps, newest last: the events of their instances, the
deployments, stops and starts as far as Nomad remembers them (ten events an
instance, six versions of a job), and the revisions that wadi recorded: who
applied what, from which commit, and why it failed if it did.

The apps are the named ones, else all of the project that the files in the
working directory name, or of --project.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, r, err := connectFor(cmd, streams, args)
			if err != nil {
				return err
			}
			events, err := r.Events(cmd.Context(), args)
			if err != nil {
				return err
			}
			if s.JSON {
				return writeJSON(streams.Out, map[string]any{"events": events})
			}
			return writeEvents(streams.Out, events, len(args) != 1)
		},
	}
	addFlags(cmd, keySpace, keyProject, keyVar, keyVarsFile, keyJSON, keyPlatformSpace)
	return cmd
}

// writeEvents prints a table; named adds a column with the app.
func writeEvents(w io.Writer, events []reconcile.AppEvent, named bool) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, e := range events {
		app := ""
		if named {
			app = e.App + "\t"
		}
		fmt.Fprintf(t, "%s\t%s%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), app, eventOf(e), clean(e.Type), clean(e.Text))
	}
	t.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

// eventOf says what an event is about.
func eventOf(e reconcile.AppEvent) string {
	switch {
	case e.Kind == reconcile.InstanceEvent && e.Instance != nil:
		return fmt.Sprintf("%s #%d (%.8s)", e.Process, *e.Instance, e.ID)
	case e.Kind == reconcile.DeploymentEvent:
		return fmt.Sprintf("deployment %.8s", e.ID)
	}
	return e.Kind + " " + e.ID
}
