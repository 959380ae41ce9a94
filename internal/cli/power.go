package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"wadi/reconcile"
)

var (
	errProcessAlone = errors.New("--process says which process --instance is of")
	errOneInstance  = errors.New("--instance is of one app")
)

func newStop(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop APP…",
		Short: "Stop apps, keeping all that starting them needs",
		Long: `Stop apps and wait until no instance runs. Droplet, environment, routes and
counts are kept: "wadi start" brings them back, and so does "wadi apply".`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return power(cmd, streams, args, (*reconcile.Reconciler).Stop)
		},
	}
	addPowerFlags(cmd)
	return cmd
}

func newStart(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start APP…",
		Short: "Start stopped apps as they were",
		Long: `Start stopped apps as they were and wait until all instances are healthy. The
files are not read: "wadi apply" starts them as the files say.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return power(cmd, streams, args, (*reconcile.Reconciler).Start)
		},
	}
	addPowerFlags(cmd)
	return cmd
}

func newRestart(streams Streams) *cobra.Command {
	var process string
	instance := -1
	cmd := &cobra.Command{
		Use:   "restart APP…",
		Short: "Replace the instances of apps by new ones of the same version",
		Long: `Replace all instances of apps by new ones of the same droplet and environment,
as a deployment does: an old one serves until a new one is healthy, and if the
new ones do not come up, the old ones stay. (cf restart stops first.) An app
that is stopped is started.

With --instance one instance is stopped and replaced, as cf
restart-app-instance does; where it is the only one, nothing serves meanwhile.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("instance") {
				if cmd.Flags().Changed("process") {
					return withHint(errProcessAlone, "name the instance too: --instance N")
				}
				return power(cmd, streams, args, (*reconcile.Reconciler).Restart)
			}
			if len(args) != 1 {
				return withHint(errOneInstance, "name one app beside --instance")
			}
			return power(cmd, streams, args, func(r *reconcile.Reconciler, ctx context.Context, names []string) (*reconcile.Outcome, error) {
				return r.RestartInstance(ctx, names[0], process, instance)
			})
		},
	}
	addPowerFlags(cmd)
	cmd.Flags().IntVar(&instance, "instance", -1, "replace only the instance with this `index`")
	cmd.Flags().Lookup("instance").DefValue = "all"
	cmd.Flags().StringVar(&process, "process", "web", "the process `type` of --instance")
	return cmd
}

func addPowerFlags(cmd *cobra.Command) {
	addFlags(cmd, keySpace, keyJSON, keyParallelism, keyPlatformSpace)
}

// power carries out one of the three and shows the apps as they are then.
func power(cmd *cobra.Command, streams Streams, apps []string, do func(*reconcile.Reconciler, context.Context, []string) (*reconcile.Outcome, error)) error {
	s, r, err := connectFor(cmd, streams, apps)
	if err != nil {
		return err
	}
	show := newProgress(streams, s)
	r.Tell = show.event
	stop := show.run()
	outcome, err := do(r, cmd.Context(), apps)
	stop()
	return showOutcome(cmd.Context(), streams, s, outcome, err)
}
