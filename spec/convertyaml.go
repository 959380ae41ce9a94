package spec

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"
)

// yamlWriter writes the apps of HCL files as a manifest.
type yamlWriter struct {
	c     *converter
	notes map[string]*comments // by the path of the file
	used  map[string]bool      // variables that the manifest has
}

// manifest is the HCL as a manifest.yml.
func (c *converter) manifest() []byte {
	w := &yamlWriter{c: c, notes: map[string]*comments{}, used: map[string]bool{}}
	for _, m := range c.modules {
		for _, f := range m.files {
			w.notes[f.src.path] = hclComments(f.src)
		}
	}
	apps := &yaml.Node{Kind: yaml.SequenceNode}
	for _, app := range c.l.doc.Apps {
		raw, ok := c.rawOf(app)
		if !ok {
			continue
		}
		notes := w.notes[raw.src.path]
		lead := w.header(raw.src, raw.root.line)
		n := w.app(app, raw)
		// what belongs to nothing that is left
		lead = append(lead, notes.claimRange(raw.root.line, w.endOf(raw.src, raw.root.line))...)
		n.HeadComment = strings.Join(lead, "\n")
		apps.Content = append(apps.Content, n)
		w.checkAsManifest(app, raw)
	}
	for _, m := range c.modules {
		w.leftOut(m)
	}
	header := w.ends()
	doc := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{yamlText("applications"), apps}}
	var b bytes.Buffer
	if header != "" {
		b.WriteString(header + "\n\n")
	}
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(doc); err != nil {
		c.refuse(c.src, nil, "cannot write YAML: "+err.Error(), "Write the manifest by hand, beginning with wadi init.")
	}
	return b.Bytes()
}

// ends are the comments that stand outside of apps.
func (w *yamlWriter) ends() string {
	var out []string
	for _, m := range w.c.modules {
		for _, f := range m.files {
			notes := w.notes[f.src.path]
			out = append(out, notes.claimRange(0, notes.last+1)...)
		}
	}
	return strings.Join(out, "\n")
}

// leftOut tells of everything in the files that is not in an app.
func (w *yamlWriter) leftOut(m *module) {
	const detail = "A manifest has no word for it."
	if m.project != nil {
		src := m.l.sources[m.project.SrcRange.Filename]
		w.c.leave(src, src.nodeAt(m.project.SrcRange), "project is left out", detail)
	}
	for _, f := range m.files {
		for _, b := range f.body.Blocks {
			switch b.Type {
			case "locals":
			case "app":
				w.writtenOut(m, f.src, b)
			case "variable":
				w.leftOutVariable(f.src, b)
			default:
				what := strings.TrimSpace(b.Type + " " + strings.Join(b.Labels, " "))
				w.c.leave(f.src, f.src.nodeAt(b.DefRange()), what+" is left out", detail)
			}
		}
	}
}

// writtenOut tells of apps that were made of variables.
func (w *yamlWriter) writtenOut(m *module, src *source, b *hclsyntax.Block) {
	attr := b.Body.Attributes["for_each"]
	if attr == nil {
		return
	}
	if names := w.c.computedOf(m, attr.Expr); len(names) > 0 {
		w.c.leave(src, src.nodeAt(attr.SrcRange), fmt.Sprintf("the apps of %s are written out with the value it has now", strings.Join(names, ", ")), "A manifest has no word for for_each.")
	}
}

func (w *yamlWriter) leftOutVariable(src *source, b *hclsyntax.Block) {
	name := b.Labels[0]
	if !w.used[name] {
		return
	}
	if attr := b.Body.Attributes["default"]; attr != nil {
		w.c.leave(src, src.nodeAt(attr.SrcRange), fmt.Sprintf("the default of variable %q is left out", name), "Manifests have none: give it with --var or in a variable file.")
	}
	for _, inner := range b.Body.Blocks {
		w.c.leave(src, src.nodeAt(inner.DefRange()), fmt.Sprintf("a %s of variable %q is left out", inner.Type, name), "A manifest has no word for it.")
	}
}

// checkAsManifest holds an app to the rules that only manifests have.
func (w *yamlWriter) checkAsManifest(app App, raw rawApp) {
	var diags Diagnostics
	src := *raw.src
	src.diags = &diags
	decodeApp(&src, w.c.sampleMap(raw.root, appTable, processTable), app.Name, false)
	for _, d := range diags.Errors() {
		d.Summary = "a manifest cannot say this. " + d.Summary
		d.Detail = "Change it in HCL first."
		w.c.l.diags = append(w.c.l.diags, d)
	}
}

// pair writes a key and its value, with their comments.
func (w *yamlWriter) pair(into *yaml.Node, src *source, name string, e entry, val *yaml.Node) {
	key := yamlText(name)
	lead, trail := w.notes[src.path].claim(e.key.line)
	if trail != "" {
		if val.Kind == yaml.ScalarNode && val.Style != yaml.LiteralStyle {
			val.LineComment = trail
		} else {
			lead = append(lead, trail)
		}
	}
	key.HeadComment = strings.Join(lead, "\n")
	into.Content = append(into.Content, key, val)
}

// app is one app.
func (w *yamlWriter) app(app App, raw rawApp) *yaml.Node {
	src, f := raw.src, entriesOf(raw.root)
	out := &yaml.Node{Kind: yaml.MappingNode}
	name, ok := f["name"]
	if !ok || name.val.kind == kindNull {
		place := newString("name", raw.root)
		name = entry{place, newString(app.Name, raw.root)}
	}
	w.pair(out, src, "name", name, w.scalar(src, name.val))
	w.keys(out, src, f, appTable, "name", "processes", "sidecars")
	if !w.c.sameDir && app.PathWritten == "" && app.Docker == nil {
		out.Content = append(out.Content, yamlText("path"), yamlText(w.c.rebase(src, ".")))
	}
	listed := items(f.val("processes"))
	web, others := f, []*node{}
	for _, p := range listed {
		if textOf(p.get("type")) == WebProcess {
			web = entriesOf(p)
		} else {
			others = append(others, p)
		}
	}
	// Of manifests the app itself has no user, and a web without any key is one
	// only in the list.
	user := web.val("user")
	inList := user != nil && user.kind != kindNull
	for _, p := range app.Processes {
		inList = inList || p == Process{Type: WebProcess}
	}
	if !inList {
		w.keys(out, src, web, processTable)
	} else {
		n := raw.root
		for _, p := range listed {
			if textOf(p.get("type")) == WebProcess {
				n = p
			}
		}
		others = append([]*node{n}, others...)
	}
	w.processes(out, src, raw.root, others)
	if e, ok := f["sidecars"]; ok {
		w.pair(out, src, "sidecars", e, w.value(src, e.val, key{name: "sidecars", value: value{kind: listOf, keys: sidecarTable}}))
	}
	plainFirst(out)
	return out
}

// plainFirst puts the keys of a map that have plain values before the others.
func plainFirst(n *yaml.Node) {
	var plain, others []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i+1].Kind == yaml.ScalarNode {
			plain = append(plain, n.Content[i], n.Content[i+1])
		} else {
			others = append(others, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = append(plain, others...)
}

// header are the comments of a block's first line.
func (w *yamlWriter) header(src *source, line int) []string {
	lead, trail := w.notes[src.path].claim(line)
	if trail != "" {
		lead = append(lead, trail)
	}
	return lead
}

// endOf is the line after a block.
func (w *yamlWriter) endOf(src *source, line int) int {
	for _, m := range w.c.modules {
		for _, f := range m.files {
			for _, b := range f.body.Blocks {
				if f.src == src && b.DefRange().Start.Line == line {
					return b.Range().End.Line + 1
				}
			}
		}
	}
	return line
}

// processes writes the list of them; root as one of them is web.
func (w *yamlWriter) processes(out *yaml.Node, src *source, root *node, list []*node) {
	if len(list) == 0 {
		return
	}
	seq := &yaml.Node{Kind: yaml.SequenceNode}
	for _, p := range list {
		n := &yaml.Node{Kind: yaml.MappingNode}
		f := entriesOf(p)
		typ := yamlText(WebProcess)
		if p != root {
			n.HeadComment = strings.Join(w.header(src, p.line), "\n")
			typ = w.scalar(src, f.val("type"))
		}
		n.Content = append(n.Content, yamlText("type"), typ)
		w.keys(n, src, f, processTable)
		seq.Content = append(seq.Content, n)
	}
	out.Content = append(out.Content, yamlText("processes"), seq)
}

// keys writes the keys of a table; what a manifest does not have is told.
func (w *yamlWriter) keys(out *yaml.Node, src *source, f entries, table []key, but ...string) {
	for _, k := range table {
		e, there := f[k.name]
		switch {
		case !there || slices.Contains(but, k.name):
		case k.writtenYAML() == "":
			if e.val.kind != kindNull {
				w.c.leave(src, e.val, k.name+" is left out", "A manifest has no word for it.")
			}
		case e.val.kind == kindNull && k.name != "command":
		case k.value.kind == yesOrNo && e.val.kind == kindBool && !e.val.b: // as if it were not there
		default:
			w.pair(out, src, k.writtenYAML(), e, w.value(src, e.val, k))
		}
	}
}

// value is the value of a key.
func (w *yamlWriter) value(src *source, n *node, k key) *yaml.Node {
	switch {
	case n.kind == kindFloat && (k.value.kind == wholeCLI || k.value.kind == wholeCC):
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagInt, Value: strconv.FormatInt(int64(n.f), 10)}
	case k.name == "path" && n.kind == kindString && !w.c.sameDir:
		return w.path(src, n)
	case n.kind == kindList:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		if k.name == "process_types" {
			out.Style = yaml.FlowStyle
		}
		for _, item := range n.items {
			lead, trail := w.notes[src.path].claim(item.line)
			child := w.item(src, item, k)
			child.HeadComment = strings.Join(lead, "\n")
			if child.Kind == yaml.ScalarNode {
				child.LineComment = trail
			} else if trail != "" {
				child.HeadComment = strings.TrimPrefix(child.HeadComment+"\n"+trail, "\n")
			}
			out.Content = append(out.Content, child)
		}
		return out
	case n.kind == kindMap:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for _, e := range inOrder(n.entries, k.value.keys) {
			child := key{}
			if found, ok := keyOf(k.value.keys, e.key.text()); ok {
				child = found
			}
			if e.val.kind == kindNull && (k.name == "env" || child.name != "") {
				continue // HCL's null is not set, a manifest's is an empty text
			}
			if child.name != "" && child.writtenYAML() == "" {
				w.c.leave(src, e.val, child.name+" is left out", "A manifest has no word for it.")
				continue
			}
			val := w.value(src, e.val, child)
			if k.name == "env" && e.val.kind == kindInt && val.Tag == tagFloat {
				val = yamlText(e.val.digit) // a float would have another text
			}
			w.pair(out, src, w.string(src, e.key), e, val)
		}
		return out
	}
	return w.scalar(src, n)
}

// inOrder puts the entries of a map in the order of a table.
func inOrder(list []entry, table []key) []entry {
	if len(table) == 0 {
		return list
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b entry) int {
		place := func(e entry) int {
			return slices.IndexFunc(table, func(k key) bool { return k.name == e.key.text() })
		}
		return place(a) - place(b)
	})
	return list
}

func (w *yamlWriter) item(src *source, n *node, k key) *yaml.Node {
	if k.name == "buildpacks" && n.kind == kindString && isRelativeFolder(n.str) {
		return w.path(src, n)
	}
	return w.value(src, n, key{value: value{keys: k.value.keys}})
}

// path is a path of the folder that the manifest is for.
func (w *yamlWriter) path(src *source, n *node) *yaml.Node {
	if refers, _ := w.c.refers(n); refers && !w.c.sameDir {
		w.c.refuse(src, n, "a path with a variable cannot be written for another folder", "Write the result into the folder of the HCL files.")
		return yamlText("")
	}
	if filepath.IsAbs(n.str) || w.c.sameDir {
		return w.scalar(src, n)
	}
	return yamlText(w.c.rebase(src, n.str))
}
