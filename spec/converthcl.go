package spec

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// hclWriter writes the apps of a manifest as HCL.
type hclWriter struct {
	c     *converter
	src   *source
	notes *comments
	vars  hclVariables
	// labels that are taken
	labels map[string]bool
}

// hclOut is a block to be written.
type hclOut struct {
	header string // "app \"shop\""
	depth  int    // of what is in it
	lead   []string
	trail  string
	short  []hclLine // attributes of one line each
	long   []hclLine // attributes of several
	blocks []*hclOut
	tail   []string // comments that belong to nothing that is left
}

// hclLine is an attribute to be written.
type hclLine struct {
	lead  []string
	text  string // "memory = \"1G\""
	trail string
}

// hcl is the manifest as HCL.
func (c *converter) hcl() []byte {
	w := &hclWriter{c: c, src: c.src, notes: yamlComments(c.src.lines), labels: map[string]bool{}}
	w.vars.names = map[string]*hclVariable{}
	var starts []int
	var apps []*hclOut
	for _, app := range c.l.doc.Apps {
		raw, ok := c.rawOf(app)
		if !ok {
			continue
		}
		starts = append(starts, raw.root.line)
		apps = append(apps, w.app(app, raw.root))
	}
	var b strings.Builder
	first := 0
	if len(starts) > 0 {
		first = starts[0]
	}
	if header := w.notes.claimRange(0, first); len(header) > 0 {
		b.WriteString(strings.Join(header, "\n") + "\n\n")
	}
	for i, app := range apps {
		end := w.notes.last + 1
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		left := w.notes.claimRange(starts[i], min(end, w.notes.last))
		app.tail = append(app.tail, left...)
	}
	w.vars.write(c, w.src, &b)
	for i, app := range apps {
		if i > 0 {
			b.WriteString("\n")
		}
		app.write(&b, 0)
	}
	if tail := w.notes.claimRange(0, w.notes.last+1); len(tail) > 0 {
		b.WriteString("\n" + strings.Join(tail, "\n") + "\n")
	}
	return hclwrite.Format([]byte(b.String()))
}

// write writes the block and what is in it, depth times indented.
func (o *hclOut) write(b *strings.Builder, depth int) {
	indent := strings.Repeat("  ", depth)
	for _, note := range o.lead {
		b.WriteString(indent + note + "\n")
	}
	if len(o.short)+len(o.long)+len(o.blocks)+len(o.tail) == 0 {
		fmt.Fprintf(b, "%s%s {}%s\n", indent, o.header, o.trail)
		return
	}
	fmt.Fprintf(b, "%s%s {%s\n", indent, o.header, o.trail)
	something := false
	gap := func() {
		if something {
			b.WriteString("\n")
		}
		something = true
	}
	if len(o.short) > 0 {
		gap()
		for _, line := range o.short {
			line.write(b, indent+"  ")
		}
	}
	for _, line := range o.long {
		gap()
		line.write(b, indent+"  ")
	}
	for _, inner := range o.blocks {
		gap()
		inner.write(b, depth+1)
	}
	if len(o.tail) > 0 {
		gap()
		for _, note := range o.tail {
			b.WriteString(indent + "  " + note + "\n")
		}
	}
	b.WriteString(indent + "}\n")
}

func (l hclLine) write(b *strings.Builder, indent string) {
	for _, note := range l.lead {
		b.WriteString(indent + note + "\n")
	}
	text := l.text
	if l.trail != "" {
		text += " " + l.trail
	}
	b.WriteString(indent + text + "\n")
}

// add puts an attribute with the comments of its key's line into a block.
// What expr answers false for says nothing and is left out.
func (w *hclWriter) add(o *hclOut, name string, line int, expr func() (string, bool)) {
	lead, trail := w.notes.claim(line)
	text, ok := expr()
	if !ok {
		w.notes.giveBack(line, lead, trail)
		return
	}
	l := hclLine{lead: lead, text: name + " = " + text, trail: trail}
	if !strings.Contains(text, "\n") {
		o.short = append(o.short, l)
		return
	}
	if trail != "" {
		l.lead, l.trail = append(l.lead, trail), ""
	}
	o.long = append(o.long, l)
}

var plainLabel = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// app is one app's block.
func (w *hclWriter) app(app App, root *node) *hclOut {
	f := entriesOf(root)
	label, named := w.label(app, f.val("name"))
	o := &hclOut{header: "app " + hclQuoted(label), depth: 1, lead: w.notes.claimAbove(root.line)}
	if name := f["name"]; named {
		if name.val == nil {
			name = entry{newString("name", root), newString(app.Name, root)}
		}
		w.add(o, "name", name.key.line, func() (string, bool) { return w.text(name.val, 1, false), true })
	} else if name.val != nil {
		w.claimHeader(o, name.key.line)
	}
	w.path(o, f["path"], app)
	w.attributes(o, f, appTable, "name", "path")
	if e, ok := f["buildpack"]; ok {
		w.add(o, "buildpacks", e.key.line, func() (string, bool) { return w.singleBuildpack(e.val, app), true })
	}
	ownWeb := false
	for _, p := range items(f.val("processes")) {
		ownWeb = ownWeb || textOf(p.get("type")) == WebProcess
	}
	if !ownWeb {
		w.attributes(o, f, processTable, "user")
		w.checks(o, f)
	}
	w.blocks(o, f["processes"], "process", "type", processTable)
	w.blocks(o, f["sidecars"], "sidecar", "name", sidecarTable)
	if e := f["docker"]; e.val != nil && e.val.kind == kindMap {
		inner := &hclOut{header: "docker", depth: 2}
		w.claimHeader(inner, e.key.line)
		w.attributes(inner, entriesOf(e.val), dockerTable)
		o.blocks = append(o.blocks, inner)
	}
	return o
}

// claimHeader gives a block the comments of a line.
func (w *hclWriter) claimHeader(o *hclOut, line int) {
	lead, trail := w.notes.claim(line)
	o.lead = append(o.lead, lead...)
	if trail != "" {
		o.trail = " " + trail
	}
}

// blocks adds a block for every element of a list, labelled by one of its
// keys.
func (w *hclWriter) blocks(o *hclOut, list entry, typ, label string, table []key) {
	for i, n := range items(list.val) {
		f := entriesOf(n)
		inner := &hclOut{header: typ + " " + hclQuoted(w.valid(n, textOf(f.val(label)))), depth: o.depth + 1}
		if i == 0 {
			lead, trail := w.notes.claim(list.key.line)
			if inner.lead = lead; trail != "" {
				inner.lead = append(inner.lead, trail)
			}
		}
		inner.lead = append(inner.lead, w.notes.claimAbove(n.line)...)
		if l := f[label]; l.key != nil {
			w.claimHeader(inner, l.key.line)
		}
		w.attributes(inner, f, table, label)
		w.checks(inner, f)
		o.blocks = append(o.blocks, inner)
	}
}

// label is the label of an app's block; named says that the name has to stand
// beside it.
func (w *hclWriter) label(app App, n *node) (label string, named bool) {
	name := app.Name
	if n != nil {
		if refers, _ := w.c.refers(n); refers {
			named, name = true, ""
			for _, p := range w.c.pieces(n) {
				name += p.text
			}
		}
	}
	if label = name; named || !plainLabel.MatchString(name) {
		label, named = slug(name, 50), true
	}
	if label == "" || !plainLabel.MatchString(label) {
		label = strings.TrimSuffix("app-"+label, "-")
	}
	for i, base := 2, label; w.labels[label]; i++ {
		label, named = fmt.Sprintf("%s-%d", base, i), true
	}
	w.labels[label] = true
	return label, named
}

// path is the source, as a path of the folder that the file is for.
func (w *hclWriter) path(o *hclOut, e entry, app App) {
	c := w.c
	if textOf(e.val) == "" {
		if !c.sameDir && app.Docker == nil {
			w.add(o, "path", 0, func() (string, bool) { return hclQuoted(c.rebase(w.src, ".")), true })
		}
		return
	}
	if refers, _ := c.refers(e.val); refers && !c.sameDir {
		c.refuse(w.src, e.val, "a path with a variable cannot be written for another folder", "Write the result into the folder of the manifest.")
		return
	}
	if app.Docker == nil {
		if err := checkInside(c.l.fs, c.outDir, app.Path); err != nil {
			detail := "Paths of HCL stay inside the folder of their file: write the result into a folder above, --out ../wadi.hcl."
			if filepath.IsAbs(textOf(e.val)) {
				detail = "Paths of HCL stay inside the folder of their file: keep the manifest, or bring the source into a folder below."
			}
			c.refuse(w.src, e.val, err.Error(), detail)
			return
		}
	}
	w.add(o, "path", e.key.line, func() (string, bool) {
		if c.sameDir {
			return w.text(e.val, 1, false), true
		}
		return hclQuoted(c.rebase(w.src, e.val.text())), true
	})
}

// singleBuildpack is the old form of the list.
func (w *hclWriter) singleBuildpack(n *node, app App) string {
	if n.kind == kindString && strings.TrimSpace(n.str) == "" {
		w.c.refuse(w.src, n, "buildpack is blank, which the list of HCL does not take", "Write a name or a URL, or remove the key to detect.")
	}
	if refers, _ := w.c.refers(n); refers || len(app.Buildpacks) > 0 {
		return "[" + w.buildpack(n) + "]"
	}
	return "[]"
}

// checks adds the blocks that hold some keys of a process.
func (w *hclWriter) checks(o *hclOut, f entries) {
	for _, block := range hclBlocks(processTable) {
		inner := &hclOut{header: block, depth: o.depth + 1}
		for _, k := range processTable {
			attribute, ok := strings.CutPrefix(k.attribute(), block+".")
			if e, there := f[k.name]; ok && there {
				w.add(inner, attribute, e.key.line, func() (string, bool) { return w.expr(e.val, k, inner.depth) })
			}
		}
		if len(inner.short)+len(inner.long) > 0 {
			o.blocks = append(o.blocks, inner)
		}
	}
}

// attributes adds the keys of a table that are attributes of the block itself.
func (w *hclWriter) attributes(o *hclOut, f entries, table []key, but ...string) {
	for _, k := range table {
		e, there := f[k.name]
		attribute := k.attribute()
		if there && k.writtenYAML() != "" && attribute != "" && !strings.Contains(attribute, ".") && !slices.Contains(but, k.name) {
			w.add(o, attribute, e.key.line, func() (string, bool) { return w.expr(e.val, k, o.depth) })
		}
	}
}

// entries are those of a map by key, "-" written as "_", the last of two.
type entries map[string]entry

func entriesOf(n *node) entries {
	f := entries{}
	for _, e := range n.entries {
		f[strings.ReplaceAll(e.key.text(), "-", "_")] = e
	}
	return f
}

func (f entries) val(name string) *node { return f[name].val }

func items(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.items
}

func textOf(n *node) string {
	if n == nil {
		return ""
	}
	return n.text()
}
