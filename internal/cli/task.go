package cli

import (
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"wadi/reconcile"
	"wadi/spec"
)

var (
	errNoCommand = errors.New("no command was given")
	errBadFlag   = errors.New("a flag has a value that it cannot have")
)

func newTask(streams Streams) *cobra.Command {
	var o reconcile.TaskOptions
	var memory, disk string
	cmd := &cobra.Command{
		Use:   "task APP [flags] [-- COMMAND [ARGUMENT…]]",
		Short: "Run one command with an app's droplet and environment",
		Long: `Run one command in a job of its own: with the droplet, the environment and the
bindings of the version of the app that is deployed, also if the app is
stopped. What the command writes to stdout and stderr comes out here as it
happens, its exit code is this one's, and the job is removed when it has ended.
Ctrl-C stops it.

One COMMAND is a shell command line; of several words each is one argument.
Without COMMAND the start command of --process is run, as cf run-task does.
Memory and disk are those of --process where nothing else is said.

The command is tried once. A task whose wadi was killed goes on to its end;
the next task or apply of the app removes what is left of it.

A token needs Nomad's capabilities read-job, list-jobs, submit-job and read-fs,
and has to read and write the Variables nomad/jobs/*: who may run a task with
an app's secrets may read them.`,
		Example: `  wadi task shop -- bin/migrate --all
  wadi task shop --memory 1G -- 'pg_dump "$DATABASE_URL" | gzip' > dump.gz
  wadi task shop --process worker`,
		Annotations: map[string]string{exitCodes: "  n    the command's own exit code\n  124  the command took longer than --timeout"},
		Args:        cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Command = commandLine(args[1:])
			if strings.TrimSpace(o.Command) == "" && o.Process == "" {
				return withHint(errNoCommand, "give it after --: wadi task %s -- COMMAND, or name the process whose start command is meant: --process TYPE", args[0])
			}
			if err := taskSizes(&o, memory, disk); err != nil {
				return err
			}
			_, r, err := connectFor(cmd, streams, args[:1])
			if err != nil {
				return err
			}
			// A reader that is gone is an error of ours, not our end: the task
			// has to be stopped then.
			signal.Ignore(syscall.SIGPIPE)
			defer signal.Reset(syscall.SIGPIPE)
			o.Stdout, o.Stderr = streams.Out, streams.Err
			o.Tell = func(text string) { fmt.Fprintln(streams.Err, text) }
			return passOn(r.RunTask(cmd.Context(), args[0], o))
		},
	}
	addFlags(cmd, keySpace, keyPlatformSpace)
	cmd.Flags().StringVar(&o.Name, "name", "", "the task's `name`")
	cmd.Flags().StringVar(&o.Process, "process", "", "the process `type` that it is made after (default web)")
	cmd.Flags().StringVar(&memory, "memory", "", "its memory, a `size` such as 256M")
	cmd.Flags().StringVar(&disk, "disk", "", "its disk quota, a `size` such as 1G")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 0, "stop the command after this `time`, such as 90s or 2h (default none)")
	return cmd
}

// taskSizes reads the flags that are no plain text.
func taskSizes(o *reconcile.TaskOptions, memory, disk string) error {
	for _, size := range []struct {
		flag, text string
		to         *int
	}{{"--memory", memory, &o.MemoryMB}, {"--disk", disk, &o.DiskMB}} {
		if size.text == "" {
			continue
		}
		bytes, err := spec.ParseSize(size.text)
		switch {
		case err != nil:
			return fmt.Errorf("%s %q %w", size.flag, size.text, err)
		case bytes < 1<<20:
			return withHint(fmt.Errorf("%w: %s %s", errBadFlag, size.flag, size.text), "give at least 1M")
		}
		*size.to = int(bytes >> 20)
	}
	if o.Timeout < 0 || o.Timeout%time.Second != 0 {
		return withHint(fmt.Errorf("%w: --timeout %s", errBadFlag, o.Timeout), "give whole seconds")
	}
	return nil
}
