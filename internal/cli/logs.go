package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"wadi/reconcile"
)

// Lines that come first where --lines says nothing.
const (
	linesFollowing = 10
	linesRecent    = 100
)

func newLogs(streams Streams) *cobra.Command {
	var staging, follow bool
	var o reconcile.LogOptions
	cmd := &cobra.Command{
		Use:   "logs [APP…]",
		Short: "Show what apps write",
		Long: `Show what apps write, on stdout and stderr: the named ones, else all of the
project that the files in the working directory name, or of --project.

It begins with the last lines of each instance and follows all of them until
Ctrl-C: also instances that come with a deployment, a restart or more of them,
and stagings ([STG/0]). It ends by itself when the named apps are destroyed.
--staging shows how the version that runs was staged, however long ago.
With --recent it shows the last lines of each instance and ends: of those that
run and of the two before each, as long as Nomad keeps them.

Nomad keeps no times and no order between stdout and stderr. The time of a line
is when it was read, less than a second after it was written; lines that were
there before have "-" in its place, stdout first. A line above 64 KiB is cut
into parts. On a terminal control characters are taken out; elsewhere every
byte is as it was written.

With --json every line is one JSON document.

A token needs Nomad's capabilities read-job and read-fs.`,
		Annotations: map[string]string{exitCodes: "  0    also when Ctrl-C ends the following"},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Recent = o.Recent || !follow
			if o.Recent && !cmd.Flags().Changed("lines") {
				o.Lines = linesRecent
			}
			return showLogs(cmd, streams, args, o, staging)
		},
	}
	addFlags(cmd, keySpace, keyProject, keyVar, keyVarsFile, keyJSON, keyPlatformSpace)
	cmd.Flags().BoolVar(&o.Recent, "recent", false, "show the last lines, of dead instances too, and end")
	cmd.Flags().IntVarP(&o.Lines, "lines", "n", linesFollowing, fmt.Sprintf("how `many` of the last lines of each instance and stream; with --recent %d if not said", linesRecent))
	cmd.Flags().BoolVarP(&follow, "follow", "f", true, "follow until Ctrl-C; --follow=false is --recent")
	cmd.Flags().StringVar(&o.Process, "process", "", "only of the process `type`")
	cmd.Flags().IntVar(&o.Instance, "instance", -1, "only of the instance with this `index`; -1 is all")
	cmd.Flags().BoolVar(&staging, "staging", false, "show how the version that runs was staged, and end")
	for _, other := range []string{"recent", "lines", "process", "instance", "follow"} {
		cmd.MarkFlagsMutuallyExclusive("staging", other)
	}
	cmd.MarkFlagsMutuallyExclusive("recent", "follow")
	return cmd
}

// showLogs prints what apps write, or what the last staging of each wrote.
func showLogs(cmd *cobra.Command, streams Streams, apps []string, o reconcile.LogOptions, staging bool) error {
	s, r, err := connectFor(cmd, streams, apps)
	if err != nil {
		return err
	}
	if o.Lines < 0 {
		return withHint(fmt.Errorf("--lines is %d", o.Lines), "give a number of lines, 0 for none")
	}
	show := newLogWriter(streams.Out, s, len(apps) != 1)
	if staging {
		return r.StagingLogs(cmd.Context(), apps, show.line)
	}
	err = r.Logs(cmd.Context(), apps, o, show.line)
	if !o.Recent && errors.Is(context.Cause(cmd.Context()), ErrInterrupted) {
		return nil // the way following ends
	}
	return err
}
