package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"wadi/reconcile"
	"wadi/spec"
)

// planFlags are the settings that change what a plan is.
var planFlags = []string{keyApp, keyVar, keyVarsFile, keySpace, keyProject, keyJSON, keyParallelism, keyPrune, keyAdopt,
	keyRestage, keyResetCount, keyDomain, keyAllowRawExec, keyAllowRoot, keyInsecure, keyPlatformSpace}

func newPlan(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [PATH…]",
		Short: "Say what apply would do, without doing it",
		Long: `Say what apply would do, without doing it: for every app what is different,
what that costs (instances that are replaced, staging), and why.

PATH is a file, or a folder with wadi.hcl, *.wadi.hcl or manifest.yml (the
working directory if there is none); the first PATH's folder may have a
` + configName + ` with settings.`,
		Annotations: map[string]string{exitCodes: "  2    there are changes, if --detailed-exitcode was given"},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			_, plan, err := s.plan(cmd.Context(), streams)
			if err != nil {
				return err
			}
			if s.JSON {
				err = writeJSON(streams.Out, plan)
			} else {
				err = plan.WriteText(streams.Out, reconcile.TextOptions{Color: s.color(streams.Out), Dir: s.Dir})
			}
			if err == nil && s.Detailed && plan.Changes() {
				return errChanges
			}
			return err
		},
	}
	addFlags(cmd, append(planFlags, keyDetailed)...)
	return cmd
}

// plan loads the files and plans them. Warnings about the files go to stderr.
func (s settings) plan(ctx context.Context, streams Streams) (*reconcile.Reconciler, *reconcile.Plan, error) {
	doc, err := s.document(ctx, streams)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.connect(ctx, streams, s.project(doc))
	if err != nil {
		return nil, nil, err
	}
	plan, err := r.Plan(ctx, doc)
	return r, plan, err
}

// document loads files that are going to run; the error is spec.Diagnostics.
func (s settings) document(ctx context.Context, streams Streams) (*spec.Document, error) {
	doc, diags := s.loadFiles(ctx)
	if !diags.HasErrors() {
		diags = append(diags, spec.CheckPaths(spec.OSFS(), doc)...)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if err := s.tell(streams, diags); err != nil {
		return nil, err
	}
	return doc, s.GitHub.diagnostics(streams.Err, diags)
}

// tell writes what there is to say about the files, apart from what follows:
// after errors nothing does.
func (s settings) tell(streams Streams, diags spec.Diagnostics) error {
	err := spec.WriteText(streams.Err, diags, s.Dir, s.color(streams.Err))
	if err == nil && len(diags) > 0 && !diags.HasErrors() {
		_, err = fmt.Fprintln(streams.Err)
	}
	return err
}
