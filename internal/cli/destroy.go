package cli

import (
	"context"

	"github.com/spf13/cobra"

	"wadi/spec"
)

func newDestroy(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "destroy [PATH…]",
		Short: "Stop and forget the apps of the files",
		Long: `Stop and forget all apps of the project that the files name, or of --project.
Where the files name no project only the apps in them are stopped (--prune:
all of the project "default"); --app selects some. It shows the plan and asks,
like apply. Droplets stay in the blob store: applying
the same files again needs no staging. The platform stays.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			doc, of, err := s.projectOfFiles(cmd.Context())
			if err != nil {
				return err
			}
			r, err := s.connectWithoutStaging(cmd.Context(), of)
			if err != nil {
				return err
			}
			plan, err := r.PlanDestroy(cmd.Context(), doc)
			if err != nil {
				return err
			}
			return carryOut(cmd.Context(), streams, s, r, plan, "Stop and forget these apps?")
		},
	}
	addFlags(cmd, keyVar, keyVarsFile, keySpace, keyProject, keyJSON, keyParallelism, keyAutoApprove, keyPrune, keyApp, keyPlatformSpace)
	return cmd
}

// projectOfFiles is the project that a command without a document works on:
// --project alone needs no files.
func (s settings) projectOfFiles(ctx context.Context) (*spec.Document, project, error) {
	if s.ProjectName != "" && len(s.Paths) == 0 {
		return nil, s.project(nil), nil
	}
	// the source may be gone: only the name counts
	doc, diags := s.loadFiles(ctx)
	if diags.HasErrors() {
		return nil, project{}, withHint(diags, "Or name the project, without a path: --project NAME")
	}
	return doc, s.project(doc), nil
}
