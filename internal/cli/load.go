package cli

import (
	"context"
	"os"
	"path/filepath"

	"wadi/spec"
)

// loadFiles reads the files that the settings name.
func (s settings) loadFiles(ctx context.Context) (*spec.Document, spec.Diagnostics) {
	return s.load(ctx, s.reading(spec.OSFS()))
}

// load reads the files that the options, made by reading, name.
func (s settings) load(ctx context.Context, o spec.Options) (*spec.Document, spec.Diagnostics) {
	doc, diags := spec.Load(ctx, o)
	// read by wadi itself, so it goes into no package
	doc.Files = append(doc.Files, filepath.Join(s.Project, configName))
	return doc, diags
}

// reading is what the settings say of the files to read.
func (s settings) reading(fsys spec.FS) spec.Options {
	return spec.Options{
		FS: fsys, Dir: s.Dir, Paths: s.Paths, Apps: s.Apps,
		Vars: s.Vars, VarsFiles: s.VarsFiles, Env: os.LookupEnv,
		ProjectVars: s.ProjectVars.vars, ProjectVarsFiles: s.ProjectVars.files, Version: currentVersion().Wadi,
	}
}
