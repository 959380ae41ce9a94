package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"wadi/spec"
)

func newValidate(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [PATH…]",
		Short: "Check the files, without asking anybody else",
		Long: `Check the files, without asking anybody else.

PATH is a file, or a folder with wadi.hcl, *.wadi.hcl or manifest.yml (the
working directory if there is none). With --json one document is printed:
whether the files are valid, the diagnostics, and the apps as requested.

In GitHub Actions (GITHUB_ACTIONS=true) every finding is also an annotation of
its line; those of plan and apply are too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			doc, diags := s.loadFiles(cmd.Context())
			if !diags.HasErrors() {
				// a manifest may be checked before its source is built
				diags = append(diags, spec.CheckPaths(spec.OSFS(), doc).AsWarnings()...)
			}
			if s.JSON {
				err = writeReport(streams, s, doc, diags)
			} else {
				err = writeVerdict(streams, s, doc, diags)
			}
			if err == nil && diags.HasErrors() {
				return errReported
			}
			return err
		},
	}
	addFlags(cmd, keyApp, keyVar, keyVarsFile, keyJSON)
	return cmd
}

func writeReport(streams Streams, s settings, doc *spec.Document, diags spec.Diagnostics) error {
	text, err := spec.ReportJSON(doc, diags)
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if _, err := streams.Out.Write(append(text, '\n')); err != nil {
		return err
	}
	return s.GitHub.diagnostics(streams.Err, diags) // stdout is one document
}

func writeVerdict(streams Streams, s settings, doc *spec.Document, diags spec.Diagnostics) error {
	if err := s.tell(streams, diags); err != nil {
		return err
	}
	if err := s.GitHub.diagnostics(streams.Out, diags); err != nil || diags.HasErrors() {
		return err
	}
	names := make([]string, len(doc.Apps))
	for i, app := range doc.Apps {
		names[i] = app.Name
	}
	if len(names) == 0 {
		_, err := fmt.Fprintln(streams.Out, "The files are valid, and describe no app.")
		return err
	}
	_, err := fmt.Fprintf(streams.Out, "The files are valid: %s (%s).\n", count(len(names), "app", "apps"), strings.Join(names, ", "))
	return err
}

// color applies the colour rule to a stream.
func (s settings) color(stream any) bool {
	return wantColor(s.NoColor, os.Getenv, isTerminal(stream))
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
