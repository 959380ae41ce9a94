package cli

import (
	"github.com/spf13/cobra"
)

func newRender(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render [PATH…]",
		Short: "Print the Nomad jobs as they would be registered",
		Long: `Print the Nomad jobs as they would be registered: one JSON document an app, in
the form that Nomad's API takes. Nothing is staged and nothing is written. A
job whose source was not staged yet cannot be registered: its revision is
"after-staging".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			doc, err := s.document(cmd.Context(), streams)
			if err != nil {
				return err
			}
			r, err := s.connect(cmd.Context(), streams, s.project(doc))
			if err != nil {
				return err
			}
			jobs, err := r.Render(cmd.Context(), doc)
			if err != nil {
				return err
			}
			for _, job := range jobs {
				if err := writeJSON(streams.Out, job); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addFlags(cmd, keyApp, keyVar, keyVarsFile, keySpace, keyProject, keyResetCount, keyDomain, keyAllowRawExec, keyAllowRoot, keyInsecure, keyPlatformSpace)
	return cmd
}
