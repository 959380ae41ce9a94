package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// Main runs one command line and answers the exit code.
func Main(ctx context.Context, args []string, streams Streams) int {
	err := run(ctx, args, streams)
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), ErrInterrupted) && !errors.Is(err, errReported):
		// what failed for it says nothing more
		fmt.Fprintln(streams.Err, "Interrupted.")
	default:
		dir, _ := os.Getwd()
		printError(streams.Err, err, wantColor(hasNoColor(args), os.Getenv, isTerminal(streams.Err)), dir)
		githubFrom(os.Getenv, dir).failure(streams.Err, err)
	}
	return exitCode(ctx, err)
}

// run runs one command line.
func run(ctx context.Context, args []string, streams Streams) error {
	root := newRoot(streams)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	return root.ExecuteContext(ctx)
}

// hasNoColor finds the flag also where parsing the command line failed.
func hasNoColor(args []string) bool {
	for _, arg := range args {
		if arg == "--no-color" || arg == "--no-color=true" {
			return true
		}
	}
	no, err := strconv.ParseBool(os.Getenv(envName(keyNoColor)))
	return err == nil && no
}

func newRoot(streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "wadi",
		Short: "Cloud Foundry's push, kept as plain files and run by Nomad",
		Long: `Cloud Foundry's push, kept as plain files and run by Nomad.

Apps are described in wadi.hcl or in a manifest.yml. "wadi plan" says what
would change, "wadi apply" makes it so.

Start here:  wadi dev .        a Nomad of its own, your folder running on it
             wadi init         a first wadi.hcl for this folder

Nomad is found through NOMAD_ADDR, NOMAD_TOKEN, NOMAD_REGION, NOMAD_CACERT and
so on, as by nomad itself. Every flag can also be set as an environment
variable: --auto-approve is WADI_AUTO_APPROVE.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetHelpTemplate(helpTemplate)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if !cmd.HasParent() && cmd.Flags().NArg() > 0 { // the flag is that of a command which is none
			return knownCommand(cmd, cmd.Flags().Args())
		}
		return withHint(err, "see `%s --help`", cmd.CommandPath())
	})
	root.PersistentFlags().Bool("no-color", false, "print without colours")
	root.AddCommand(commands(streams)...)
	tellUsage(root.Commands())
	return root
}

// tellUsage lets errors about the number of arguments say what they are.
func tellUsage(cmds []*cobra.Command) {
	for _, cmd := range cmds {
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				err := check(cmd, args)
				var h *hinted
				if err == nil || errors.As(err, &h) {
					return err
				}
				return withHint(err, "usage: %s", cmd.UseLine())
			}
		}
		tellUsage(cmd.Commands())
	}
}

// knownCommand refuses what is no command, with the nearest that is one.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if hint := cfHint(args[0]); hint != "" && !cmd.HasParent() {
		return withHint(err, "%s", hint)
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return withHint(err, "did you mean `%s %s`?", cmd.CommandPath(), strings.Join(near, "` or `"+cmd.CommandPath()+" "))
	}
	return withHint(err, "see `%s --help` for the commands", cmd.CommandPath())
}

// helpTemplate is cobra's own with EXIT STATUS at its end; a command's own
// codes are in its annotation exitCodes.
const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}
EXIT STATUS
  0    done
  1    an error, which was printed to stderr
{{with index .Annotations "exit"}}{{.}}
{{end}}  130  interrupted (Ctrl-C)
`

// exitCodes is the key of a command's annotation with exit codes of its own.
const exitCodes = "exit"

// commands are all commands, each in a file of its own.
func commands(streams Streams) []*cobra.Command {
	return []*cobra.Command{
		newValidate(streams),
		newInit(streams),
		newFmt(streams),
		newConvert(streams),
		newVersion(streams),
		newDev(streams),
		newPlan(streams),
		newApply(streams),
		newDestroy(streams),
		newStatus(streams),
		newLogs(streams),
		newEvents(streams),
		newRestart(streams),
		newStop(streams),
		newStart(streams),
		newTask(streams),
		newSSH(streams),
		newRender(streams),
		newGC(streams),
		newPlatform(streams),
		newBlobstore(streams),
		newRouter(streams),
		newCompletion(streams),
		newLifecycle(streams),
	}
}
