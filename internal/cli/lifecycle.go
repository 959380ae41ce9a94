package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"wadi/stage/lifecycle/bin"
)

// newLifecycle is hidden: what runs inside tasks, by hand, to see what a
// buildpack does or to compare it with Cloud Foundry's own programs.
func newLifecycle(Streams) *cobra.Command {
	return &cobra.Command{
		Use:                "lifecycle COMMAND [ARGUMENT…]",
		Short:              "Run the program inside tasks: build, launch and others",
		Hidden:             true,
		DisableFlagParsing: true, // they are the program's own
		RunE: func(cmd *cobra.Command, args []string) error {
			return becomeLifecycle(cmd.Context(), args)
		},
	}
}

// becomeLifecycle executes the lifecycle in place of this process, as Cloud
// Foundry's programs are executed: exit code, signals and output are its own.
// It returns only if it failed.
func becomeLifecycle(ctx context.Context, args []string) error {
	binary, err := bin.Open(ctx, cacheDir(), runtime.GOARCH)
	if err != nil {
		return err
	}
	program, err := binary.Program()
	if err != nil {
		return err
	}
	err = syscall.Exec(program, append([]string{"lifecycle"}, args...), os.Environ())
	return fmt.Errorf("start the lifecycle %s: %w", program, err)
}
