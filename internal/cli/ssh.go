package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"wadi/nomad"
	"wadi/reconcile"
)

var errTwoCommands = errors.New("a command is given twice")

func newSSH(streams Streams) *cobra.Command {
	o := reconcile.ShellOptions{}
	var command string
	var tty bool
	cmd := &cobra.Command{
		Use:   "ssh APP[/INSTANCE] [flags] [-- COMMAND [ARGUMENT…]]",
		Short: "Open a shell in an instance of an app",
		Long: `Open a shell beside an instance of an app: in its folder, as its user, with its
environment and what its profile scripts add (all but .profile, as cf ssh's
shell does). Everything goes through Nomad; nothing listens in the instance.
The shell is sent SIGHUP when the connection to it ends. One that was lost
before it told its exit code is an error: it may have run.

With a command it runs that and answers its exit code. One COMMAND is a shell
command line; of several words each is one argument. Without a terminal on
stdin the shell reads what to do from there.

What is changed there is gone when the instance starts again.

A token needs Nomad's capability alloc-exec, and for the driver raw_exec
alloc-node-exec.`,
		Example: `  wadi ssh shop
  wadi ssh shop/1 --process worker -c 'tail -n 5 log/*.log'
  wadi ssh shop -- tar c logs > logs.tar`,
		Annotations: map[string]string{exitCodes: "  n    the exit code of the shell or of the command"},
		Args:        cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app := args[0]
			if name, index, ok := splitInstance(args[0]); ok {
				app, o.Instance = name, index
			}
			if command != "" && len(args) > 1 {
				return withHint(errTwoCommands, "use -c or what follows --, not both")
			}
			o.Command = command
			if len(args) > 1 {
				o.Command = commandLine(args[1:])
			}
			_, r, err := connectFor(cmd, streams, []string{app})
			if err != nil {
				return err
			}
			o.Stdin, o.Stdout, o.Stderr = streams.In, streams.Out, streams.Err
			return passOn(onTerminal(streams, tty || o.Command == "" && isTerminal(streams.Out), func(t *reconcile.Terminal) (int, error) {
				o.Terminal = t
				return r.Shell(cmd.Context(), app, o)
			}))
		},
	}
	addFlags(cmd, keySpace, keyPlatformSpace)
	cmd.Flags().StringVar(&o.Process, "process", "web", "the process `type` of the instance")
	cmd.Flags().StringVarP(&command, "command", "c", "", "run a shell `command` in place of an interactive shell")
	cmd.Flags().BoolVarP(&tty, "tty", "t", false, "give a terminal to a command too")
	return cmd
}

// splitInstance takes APP/INSTANCE apart.
func splitInstance(arg string) (app string, index int, ok bool) {
	slash := strings.LastIndexByte(arg, '/')
	if slash < 1 {
		return arg, 0, false
	}
	index, err := strconv.Atoi(arg[slash+1:])
	if err != nil || index < 0 {
		return arg, 0, false
	}
	return arg[:slash], index, true
}

// onTerminal runs something on the terminal, in raw mode so that Ctrl-C
// reaches what runs there; with nil if there is none, or none is wanted.
func onTerminal(streams Streams, wanted bool, do func(*reconcile.Terminal) (int, error)) (int, error) {
	in, isFile := streams.In.(*os.File)
	if !wanted || !isFile || !isTerminal(in) {
		return do(nil)
	}
	sizes, stop := terminalSizes(in)
	defer stop()
	var before *term.State
	enter := func() (err error) {
		if before, err = term.MakeRaw(int(in.Fd())); err != nil {
			return fmt.Errorf("prepare the terminal: %w", err)
		}
		return nil
	}
	defer func() {
		if before != nil {
			_ = term.Restore(int(in.Fd()), before) // there is no other way to tell
		}
	}()
	return do(&reconcile.Terminal{Kind: os.Getenv("TERM"), Sizes: sizes, Enter: enter})
}

// terminalSizes tells the size of a terminal, now and whenever it changes,
// until the function that it answers is called.
func terminalSizes(stream any) (<-chan nomad.TerminalSize, func()) {
	sizes := make(chan nomad.TerminalSize)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sizes <- nomad.TerminalSize{Width: terminalWidth(stream), Height: terminalHeight(stream)}:
			case <-done:
				return
			}
			select {
			case <-changed:
			case <-done:
				return
			}
		}
	}()
	return sizes, func() {
		signal.Stop(changed)
		close(done)
	}
}
