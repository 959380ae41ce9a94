package spec

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Options say what to load.
type Options struct {
	FS    FS
	Dir   string   // absolute; relative Paths and VarsFiles start here
	Paths []string // files and folders; none = Dir
	Apps  []string // --app: selects apps, or names a single nameless one

	Vars      []string // --var name=value, later wins, over VarsFiles
	VarsFiles []string // YAML, or HCL if the name ends in .wadivars; later wins
	// Env answers environment variables: WADI_VAR_name is the variable name,
	// below VarsFiles and Vars. Nil = none.
	Env func(string) (string, bool)
	// ProjectVars and ProjectVarsFiles are the same as the project's own
	// configuration has them: below Env, over *.auto.wadivars of a folder.
	ProjectVars, ProjectVarsFiles []string

	// Version is wadi's, for required_version; "" = not known, any will do.
	Version string

	// ImpliedApp makes one app of a folder (or archive) that has no files of
	// ours: its name is the folder's, its path the folder.
	ImpliedApp bool
}

// loader gathers the document of one Load.
type loader struct {
	fs      FS
	options Options
	vars    variables
	doc     *Document
	diags   Diagnostics
	sources map[string]*source
	names   []string // of all apps in the files, selected or not
	unnamed bool     // there are apps whose name could not be evaluated

	autoVars  map[string]layer // by folder
	declared  []string         // HCL variables; nil = no HCL was read
	manifests int              // manifests that were read

	convert *converter // set by Convert
}

// Load reads the files and answers what they request. The document is never
// nil; it is complete only where the diagnostics have no errors. Only text is
// judged: whether an app's path exists is CheckPaths' question. Diagnostics
// come file by file, in the order of their lines.
//
// A folder's HCL files are one module: they share variables and locals.
func Load(ctx context.Context, o Options) (*Document, Diagnostics) {
	l := newLoader(o)
	l.load(ctx)
	return l.doc, l.diags
}

func newLoader(o Options) *loader {
	return &loader{fs: o.FS, options: o, doc: &Document{}, sources: map[string]*source{}}
}

func (l *loader) load(ctx context.Context) {
	if l.readVariables(); l.diags.HasErrors() {
		return
	}
	paths := l.options.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	seen := map[string]bool{}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			l.diags = append(l.diags, Diagnostic{Severity: SeverityError, Summary: "interrupted while reading files: " + err.Error(), Detail: "Run the command again."})
			break
		}
		path := absolute(l.options.Dir, p)
		if seen[path] {
			continue
		}
		seen[path] = true
		l.readPath(path)
	}
	l.checkSelection()
	l.checkApps()
	l.checkFlags()
	sortByPlace(l.diags)
}

// sortByPlace puts the diagnostics of each file in the order of its lines;
// files stay in the order in which they were read.
func sortByPlace(ds Diagnostics) {
	order := map[string]int{}
	for _, d := range ds {
		if _, ok := order[d.File]; !ok {
			order[d.File] = len(order)
		}
	}
	sort.SliceStable(ds, func(i, j int) bool {
		a, b := ds[i], ds[j]
		if order[a.File] != order[b.File] {
			return order[a.File] < order[b.File]
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}

// readPath reads one PATH: a file, or what a folder holds.
func (l *loader) readPath(path string) {
	info, err := l.fs.Stat(path)
	if err != nil {
		l.failRead(path, err)
		return
	}
	if !info.IsDir() {
		l.readFile(path)
		return
	}
	hclFiles, manifest, err := l.folderFiles(path)
	switch {
	case err != nil:
		l.failRead(path, err)
		return
	case len(hclFiles) == 0 && manifest == "" && l.options.ImpliedApp:
		l.addImplied(path)
		return
	case len(hclFiles) == 0 && manifest == "":
		l.fail(path, fmt.Sprintf("Incorrect Usage: The specified directory '%s' does not contain a file named 'manifest.yml'.", path),
			"wadi reads wadi.hcl, *.wadi.hcl and manifest.yml (or manifest.yaml) of a folder; `wadi init` writes a first wadi.hcl.")
		return
	}
	l.readAutoVars(path)
	if len(hclFiles) > 0 {
		l.readModule(path, hclFiles)
	}
	if manifest != "" {
		l.readManifest(manifest)
	}
}

func (l *loader) readFile(path string) {
	l.readAutoVars(filepath.Dir(path))
	switch {
	case strings.HasSuffix(path, ".hcl"):
		l.readModule(filepath.Dir(path), []string{path})
	case l.options.ImpliedApp && isArchive(path):
		l.addImplied(path)
	default:
		l.readManifest(path)
	}
}

func isArchive(path string) bool {
	for _, ext := range []string{".zip", ".jar", ".war", ".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(path), ext) {
			return true
		}
	}
	return false
}

// addImplied makes the app of a folder or archive without files of ours; its
// name becomes a host, so it is made one.
func (l *loader) addImplied(path string) {
	base := filepath.Base(path)
	if isArchive(path) {
		base = strings.TrimSuffix(base, filepath.Ext(base))
		base = strings.TrimSuffix(base, ".tar")
	}
	name := slug(base, 50)
	if name == "" {
		name = "app"
	}
	if len(l.options.Apps) == 1 {
		name = l.options.Apps[0]
	}
	l.names = append(l.names, name)
	l.addApp(App{Name: name, Path: path, Sensitive: map[string]bool{}, Masked: map[string]bool{}, FieldPos: map[string]Pos{}, Pos: Pos{File: path}})
}

func (l *loader) addApp(app App) { l.doc.Apps = append(l.doc.Apps, app) }

func (l *loader) selected(name string) bool {
	l.doc.Partial = len(l.options.Apps) > 0
	return !l.doc.Partial || slices.Contains(l.options.Apps, name)
}

// checkSelection reports names of --app that no file has.
func (l *loader) checkSelection() {
	if len(l.names) == 0 || l.unnamed {
		return // the files have other problems
	}
	for _, name := range l.options.Apps {
		if slices.Contains(l.names, name) {
			continue
		}
		detail := "The files have: " + strings.Join(l.names, ", ") + "."
		if near := nearest(name, l.names); near != "" {
			detail = fmt.Sprintf("Did you mean %s? %s", near, detail)
		}
		l.diags = append(l.diags, Diagnostic{Severity: SeverityError, Summary: fmt.Sprintf("Could not find app named '%s' in manifest", name), Detail: detail})
	}
}
