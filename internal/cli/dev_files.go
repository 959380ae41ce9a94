package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wadi/internal/cli/watch"
	"wadi/spec"
	"wadi/stage"
	"wadi/stage/archive"
)

// read reads the settings and the files that describe the apps, and watches
// what they name from now on. If they cannot be read, what the last ones named
// is watched still: the error is spec.Diagnostics where a file is wrong.
func (d *dev) read(ctx context.Context) (settings, *spec.Document, error) {
	s, err := d.load()
	if err != nil {
		return s, nil, err
	}
	asked := &recorder{FS: spec.OSFS()}
	options := s.reading(asked)
	options.ImpliedApp = true
	doc, diags := s.load(ctx, options)
	if !diags.HasErrors() {
		diags = append(diags, spec.CheckPaths(asked, doc)...)
	}
	if d.watcher != nil {
		if !diags.HasErrors() {
			d.sources = sourcesOf(doc)
		}
		set := d.sources
		set.Trees = append(describing(s), set.Trees...)
		set.Files = append(append(asked.paths, doc.Files...), set.Files...)
		d.watcher.Watch(ctx, set)
	}
	if diags.HasErrors() {
		return s, nil, diags
	}
	return s, doc, d.warn(s, diags)
}

// warn prints warnings about the files, unless they were the last time too.
func (d *dev) warn(s settings, diags spec.Diagnostics) error {
	var text strings.Builder
	if err := spec.WriteText(&text, diags, s.Dir, s.color(d.streams.Err)); err != nil {
		return err
	}
	if text.String() == d.warned {
		return nil
	}
	d.warned = text.String()
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := io.WriteString(d.streams.Err, d.warned)
	return err
}

// recorder is a file system that remembers what was asked for, there or not:
// whatever of it changes may change what the files mean.
type recorder struct {
	spec.FS
	paths []string
}

func (r *recorder) Open(name string) (io.ReadCloser, error) {
	r.paths = append(r.paths, name)
	return r.FS.Open(name)
}

func (r *recorder) Stat(name string) (fs.FileInfo, error) {
	r.paths = append(r.paths, name)
	return r.FS.Stat(name)
}

// describing are the folders that were given, of which only files count that
// describe apps: new ones may come.
func describing(s settings) []watch.Tree {
	paths := s.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var out []watch.Tree
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		root, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue // it was asked for, so it is watched for coming back
		}
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			continue // a file, which was read
		}
		out = append(out, watch.Tree{Root: root, Keep: func(path string, t fs.FileMode) (include, enter bool) {
			return !t.IsDir() && describesApps(path), false
		}})
	}
	return out
}

// describesApps says whether a folder's file of that name is read where the
// folder is given.
func describesApps(name string) bool {
	return name == "wadi.hcl" || strings.HasSuffix(name, ".wadi.hcl") || name == "manifest.yml" || name == "manifest.yaml" || spec.IsAutoVars(name)
}

// sourcesOf are the apps' sources and the folders of their buildpacks.
func sourcesOf(doc *spec.Document) watch.Set {
	var set watch.Set
	seen := map[string]bool{}
	add := func(path string, o stage.ScanOptions) {
		if seen[path] {
			return
		}
		seen[path] = true
		set.Files = append(set.Files, path)
		f, err := stage.Follow(path, o)
		if f.Rules != "" {
			set.Files = append(set.Files, f.Rules)
		}
		if err == nil && f.Keep != nil { // else it is a zip, or the plan says what is wrong
			set.Trees = append(set.Trees, watch.Tree{Root: f.Root, Keep: withoutCache(f.Root, f.Keep)})
		}
	}
	for _, app := range doc.Apps {
		if app.Path == "" {
			continue
		}
		add(app.Path, stage.ScanOptions{Ignore: true, Exclude: doc.Files})
		dir := app.Path
		if app.Pos.File != "" {
			dir = filepath.Dir(app.Pos.File)
		}
		for _, folder := range stage.BuildpackFolders(app.Buildpacks, doc.Buildpacks, dir) {
			add(folder, stage.ScanOptions{})
		}
	}
	return set
}

// withoutCache leaves wadi's own cache out, wherever somebody put it: planning
// writes to it, and would be its own cause.
func withoutCache(root string, keep archive.Keep) archive.Keep {
	cache, err := filepath.EvalSymlinks(cacheDir())
	if err != nil {
		return keep
	}
	return func(path string, t fs.FileMode) (include, enter bool) {
		if rel, err := filepath.Rel(cache, filepath.Join(root, path)); err == nil && filepath.IsLocal(rel) {
			return false, false
		}
		return keep(path, t)
	}
}
