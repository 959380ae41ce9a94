package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"wadi/reconcile"
	"wadi/spec"
)

func newStatus(streams Streams) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [APP…]",
		Short: "Show how apps run",
		Long: `Show how apps run: the named ones, else all of the project that the files in
the working directory name, or of --project. In a folder without such files it
is every app of the space.

Instances are starting, running, crashed, stopping, or down (Nomad has no room
for them, or their node is gone). Memory and disk are what an instance uses and
its limit; the disk is measured twice a minute, and not of an app of an image.

With --watch it goes on until Ctrl-C: on a terminal the table is drawn again,
elsewhere every change is a line.`,
		Annotations: map[string]string{exitCodes: "  0    also when Ctrl-C ends --watch"},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, r, err := connectFor(cmd, streams, args)
			if err != nil {
				return err
			}
			look := func(ctx context.Context) ([]reconcile.AppStatus, error) { return r.Status(ctx, args) }
			if watch {
				return watchStatus(cmd.Context(), streams.Out, s.color(streams.Out), look)
			}
			apps, err := look(cmd.Context())
			if err != nil {
				return err
			}
			if s.JSON {
				return writeJSON(streams.Out, map[string]any{"apps": append([]reconcile.AppStatus{}, apps...)})
			}
			if len(apps) == 0 {
				what := "No app"
				if r.Options.Project != "" {
					what += " of project " + r.Options.Project
				}
				_, err := fmt.Fprintf(streams.Out, "%s runs in space %s.\n", what, r.Nomad.Space)
				return err
			}
			return writeApps(streams.Out, apps, s.color(streams.Out))
		},
	}
	addFlags(cmd, keySpace, keyProject, keyVar, keyVarsFile, keyJSON, keyPlatformSpace)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until Ctrl-C")
	cmd.MarkFlagsMutuallyExclusive("watch", "json")
	return cmd
}

// projectHere is the project of the files in the working directory, "" where
// there are none. It takes the name from files that are wrong otherwise too:
// who looks after an app need not have the values of its variables at hand.
func (s settings) projectHere(ctx context.Context) (string, error) {
	if s.ProjectName != "" {
		return s.ProjectName, nil
	}
	if !spec.HasFiles(spec.OSFS(), s.Dir) {
		return "", nil
	}
	doc, diags := s.loadFiles(ctx)
	if diags.HasErrors() && !doc.ProjectNamed && slices.ContainsFunc(doc.Files, isHCL) {
		return "", withHint(diags, "Or name the project: --project NAME")
	}
	return s.project(doc).name, nil
}

// isHCL tells a file that may name the project.
func isHCL(path string) bool { return filepath.Ext(path) == ".hcl" }
