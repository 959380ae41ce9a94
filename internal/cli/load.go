package cli

import (
	"context"
	"os"
	"path/filepath"

	"wadi/spec"
)

// loadFiles reads the files that the settings name.
func (s settings) loadFiles(ctx context.Context, impliedApp bool) (*spec.Document, spec.Diagnostics) {
	return s.loadFrom(ctx, spec.OSFS(), impliedApp)
}

// loadFrom reads them from a file system.
func (s settings) loadFrom(ctx context.Context, fsys spec.FS, impliedApp bool) (*spec.Document, spec.Diagnostics) {
	doc, diags := spec.Load(ctx, s.reading(fsys, impliedApp))
	// read by wadi itself, so it goes into no package
	doc.Files = append(doc.Files, filepath.Join(s.Project, configName))
	return doc, diags
}

// reading is what the settings say of the files to read.
func (s settings) reading(fsys spec.FS, impliedApp bool) spec.Options {
	return spec.Options{
		FS: fsys, Dir: s.Dir, Paths: s.Paths, Apps: s.Apps,
		Vars: s.Vars, VarsFiles: s.VarsFiles, Env: os.LookupEnv, ImpliedApp: impliedApp,
		ProjectVars: s.ProjectVars.vars, ProjectVarsFiles: s.ProjectVars.files, Version: currentVersion().Wadi,
	}
}
