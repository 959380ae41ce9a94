package spec

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// Conversion is what Convert makes of a file: the same apps in the other
// language.
type Conversion struct {
	Text []byte
	// Manifest says that Text is a manifest.yml; else it is a wadi.hcl.
	Manifest bool
	// Source is the absolute path of what was converted: a file, or the first
	// of a folder's HCL files.
	Source string
}

// Convert turns a manifest.yml into HCL that requests the same, or the HCL
// files of a folder into a manifest.yml. Options.Paths names one of them;
// outDir is the absolute folder that relative paths of the result start at, ""
// for the folder of the source.
//
// Variables stay variables and need no values. What has no place in the other
// language and is no part of an app's own description is left out with a
// warning; what could only be said wrongly is an error, and then there is no
// text. The other diagnostics are those of Load.
func Convert(ctx context.Context, o Options, outDir string) (Conversion, Diagnostics) {
	c := &converter{outDir: outDir, numbers: map[string]int{}, given: map[string]*node{}, missing: map[string]bool{}}
	l := newLoader(o)
	l.convert, c.l = c, l
	l.onlyOne()
	if !l.diags.HasErrors() {
		l.load(ctx)
	}
	if len(l.doc.Apps) == 0 && !l.diags.HasErrors() {
		l.diags = append(l.diags, Diagnostic{Severity: SeverityError, Summary: "the files describe no app", Detail: "Name the files that do."})
	}
	if l.diags.HasErrors() {
		c.sayNames()
		return Conversion{}, l.diags
	}
	out := Conversion{Manifest: c.fromHCL, Source: c.src.path}
	if c.outDir == "" {
		c.outDir = c.src.dir
	}
	c.sameDir = c.outDir == c.src.dir
	if c.fromHCL {
		out.Text = c.manifest()
	} else {
		out.Text = c.hcl()
	}
	sortByPlace(l.diags)
	if c.sayNames(); l.diags.HasErrors() {
		return Conversion{}, l.diags
	}
	return out, l.diags
}

// onlyOne refuses a folder with files of both languages.
func (l *loader) onlyOne() {
	path := absolute(l.options.Dir, ".")
	if len(l.options.Paths) > 0 {
		path = absolute(l.options.Dir, l.options.Paths[0])
	}
	if info, err := l.fs.Stat(path); err != nil || !info.IsDir() {
		return
	}
	files, manifest, err := l.folderFiles(path)
	if err == nil && len(files) > 0 && manifest != "" {
		l.fail(path, fmt.Sprintf("the folder has both %s and %s", filepath.Base(files[0]), filepath.Base(manifest)), "Name the file to convert.")
	}
}

// converter is one conversion: what the loader reads while it lasts, and what
// is written from that.
type converter struct {
	l       *loader
	src     *source // the manifest, or the first HCL file
	fromHCL bool
	outDir  string
	sameDir bool // relative paths stay as they are

	raw     []rawApp       // apps before variables have values
	numbers map[string]int // of variables, for their samples

	// of HCL: the values of variables, and the names of those without one.
	given   map[string]*node
	missing map[string]bool
	modules []*module
	inlined int // locals that became what they are made of
}

// rawApp is an app's tree in which variables stand as text.
type rawApp struct {
	src  *source
	root *node
}

func (c *converter) rawOf(app App) (rawApp, bool) {
	for _, r := range c.raw {
		if r.root.field == app.Field {
			return r, true
		}
	}
	return rawApp{}, false
}

// take keeps an app's tree and answers a copy with a value for every variable.
func (c *converter) take(src *source, root *node) *node {
	if c.src == nil {
		c.src = src
	}
	c.raw = append(c.raw, rawApp{src, root})
	return c.sampleMap(root, appTable, processTable)
}

// manifestTree keeps the apps of a manifest and answers a copy of the document
// with a value for every variable.
func (c *converter) manifestTree(src *source, root *node) *node {
	c.src = src
	root = c.resolve(src, root)
	list := root.get("applications")
	if list == nil {
		return root
	}
	for i, item := range list.items {
		list.items[i] = c.resolve(src, item)
	}
	root.nameFields("")
	out := *root
	out.entries = append([]entry{}, root.entries...)
	for i, e := range out.entries {
		if e.key.text() != "applications" {
			version := key{value: value{kind: wholeCLI}} // nothing reads the others
			out.entries[i].val = c.sample(e.val, version, root)
			continue
		}
		apps := *list
		apps.items = nil
		for _, app := range list.items {
			if app.kind == kindMap {
				c.writeOut(src, app)
				app = c.take(src, app)
			}
			apps.items = append(apps.items, app)
		}
		out.entries[i].val = &apps
	}
	return &out
}

// sayNames puts the names of apps as they are written in the place of those
// that stood for them.
func (c *converter) sayNames() {
	for _, app := range c.l.doc.Apps {
		raw, ok := c.rawOf(app)
		name := raw.root.get("name")
		if !ok || name == nil || name.text() == app.Name {
			continue
		}
		for i := range c.l.diags {
			d := &c.l.diags[i]
			d.Summary = strings.Replace(d.Summary, "'"+app.Name+"'", "'"+name.text()+"'", 1)
		}
	}
}

// refuse reports what cannot be said in the other language.
func (c *converter) refuse(src *source, n *node, summary, detail string) {
	src.add(SeverityError, n, summary, detail)
}

// leave reports what is left out.
func (c *converter) leave(src *source, n *node, summary, detail string) {
	src.add(SeverityWarning, n, summary, detail)
}

// rebase is a path of the source's folder as one of the result's.
func (c *converter) rebase(src *source, written string) string {
	if c.sameDir || filepath.IsAbs(written) {
		return written
	}
	rel, err := filepath.Rel(c.outDir, absolute(src.dir, written))
	if err != nil {
		return absolute(src.dir, written)
	}
	if !strings.HasPrefix(rel, "..") && rel != "." {
		rel = "./" + rel
	}
	return filepath.ToSlash(rel)
}
