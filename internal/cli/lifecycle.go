package cli

import (
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"wadi/stage/lifecycle/build"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/static"
)

// newLifecycle is hidden: what happens inside tasks, by hand, to see what a
// buildpack does or to compare it with Cloud Foundry's own programs. Exit
// codes and output are those of the programs.
func newLifecycle(Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:    "lifecycle",
		Short:  "Build a droplet from files, and start one, without Nomad",
		Hidden: true,
		Args:   knownCommand,
		RunE:   func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:                "build --buildpack-order KEY,… [FLAG…]",
		Short:              "Run buildpacks on the folder of an app and write a droplet",
		DisableFlagParsing: true, // they are Cloud Foundry's
		RunE:               program(func(args []string) int { return build.Main(args, os.Stdout, os.Stderr, "lifecycle") }),
	}, &cobra.Command{
		Use:                "launch APPDIR COMMAND METADATA",
		Short:              "Become the app, as in an instance; run it in the droplet's folder",
		DisableFlagParsing: true,
		RunE:               program(func(args []string) int { return launch.Main(args, os.Stderr) }),
	}, &cobra.Command{
		Use:                "serve [--check DIR]",
		Short:              "Serve static files on $PORT, as the buildpack staticfile does",
		DisableFlagParsing: true,
		RunE:               program(func(args []string) int { return static.Main(args, os.Stdout, os.Stderr) }),
	})
	return cmd
}

// program runs one of the lifecycle's programs, which has its own way with
// signals: an app starts with those of the caller, and a build ends by itself.
func program(main func(args []string) int) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		signal.Reset()
		return passOn(main(args), nil)
	}
}
