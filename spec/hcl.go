package spec

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// module is the HCL files of one folder: they share variables and locals.
type module struct {
	l     *loader
	dir   string // of the files, after symbolic links
	files []hclFile
	scope *hcl.EvalContext
	// budget is what expressions may still make.
	budget *budget

	project *hclsyntax.Attribute
	// asText is set while a conversion reads the apps: references to
	// variables stay.
	asText bool

	blocks    map[string][]hclBlock // by type, in file order
	variables []*variable
	units     map[string]*unit    // by reference: "local.domain"
	order     []*unit             // as declared
	names     map[string][]string // of units and variables, by the root of references
	failed    map[string]bool     // references without a value: their error is told
	exhausted bool                // the budget is
	broken    []brokenValue       // of the app that is being read
}

type hclFile struct {
	src  *source
	body *hclsyntax.Body
}

// hclBlock is a block with the file it stands in.
type hclBlock struct {
	src *source
	*hclsyntax.Block
}

// topBlocks are the blocks of a file and how many labels each has.
var topBlocks = map[string]int{
	"variable": 1, "locals": 0, "stack": 1, "buildpack": 1, "service_instance": 1, "app": 1, "wadi": 0,
}

// readModule reads the HCL files of a folder.
func (l *loader) readModule(dir string, files []string) {
	m := &module{l: l, blocks: map[string][]hclBlock{}, units: map[string]*unit{}, names: map[string][]string{}, failed: map[string]bool{}, budget: &budget{left: maxWork}}
	parsed := true
	for _, path := range files {
		if l.sources[path] != nil {
			continue // given twice, by itself and with its folder
		}
		src := l.open(path)
		if src == nil {
			parsed = false
			continue
		}
		m.dir = src.dir
		if deep := tooDeep(src.data, path); deep.HasErrors() {
			m.report(src, "", deep)
			parsed = false
			continue
		}
		file, diags := hclsyntax.ParseConfig(src.data, path, hcl.InitialPos)
		m.report(src, "", diags)
		if diags.HasErrors() {
			parsed = false
			continue
		}
		if body, ok := file.Body.(*hclsyntax.Body); ok {
			if huge := m.budget.bound(body); huge.HasErrors() {
				m.report(src, "", huge)
				parsed = false
				continue
			}
			m.files = append(m.files, hclFile{src, body})
		}
	}
	if !parsed {
		return
	}
	if !m.checkVersion() {
		return // what follows may be in words of another version
	}
	m.collect()
	m.scope = &hcl.EvalContext{Functions: functions(l.fs, m.dir, m.budget), Variables: map[string]cty.Value{}}
	m.readVariables()
	m.declareUnits()
	m.resolveUnits()
	m.validateVariables()
	before := len(m.l.diags)
	m.readProject()
	m.readStacks()
	m.readBuildpacks()
	m.readServiceInstances()
	if m.l.convert != nil {
		m.l.convert.module(m, before)
	}
	m.readApps()
}

// collect sorts what the files hold by type.
func (m *module) collect() {
	for _, f := range m.files {
		for _, attr := range attributes(f.body) {
			if attr.Name != "project" {
				m.unknownAttribute(f.src, attr, "", "the file", hclAttributes(fileTable))
				continue
			}
			if m.project != nil {
				m.fail(f.src, attr.NameRange, "project", "project is named twice", "It is also named at "+m.at(m.project.NameRange)+"; remove one.")
				continue
			}
			m.project = attr
		}
		for _, b := range f.body.Blocks {
			labels, known := topBlocks[b.Type]
			if !known {
				m.unknownBlock(f.src, b, "", "the file", hclBlocks(fileTable))
				continue
			}
			if m.labelled(f.src, b, labels) {
				m.blocks[b.Type] = append(m.blocks[b.Type], hclBlock{f.src, b})
			}
		}
	}
	for _, typ := range []string{"variable", "stack", "buildpack", "service_instance", "app"} {
		m.refuseTwins(typ, m.blocks[typ])
	}
}

// labelled checks the number of labels of a block, and that a label can be
// part of a field's name.
func (m *module) labelled(src *source, b *hclsyntax.Block, labels int) bool {
	if len(b.Labels) == labels && (labels == 0 || b.Labels[0] != "") {
		return true
	}
	summary, detail := fmt.Sprintf("a block %s has no label", b.Type), fmt.Sprintf("Write: %s {", b.Type)
	if labels == 1 {
		summary = fmt.Sprintf("a block %s has one label, its name; here are %d", b.Type, len(b.Labels))
		detail = fmt.Sprintf("Write one name: %s \"name\" {", b.Type)
		if len(b.Labels) == 1 {
			summary = fmt.Sprintf("the label of a block %s is its name and must not be empty", b.Type)
		}
	}
	m.fail(src, b.DefRange(), b.Type, summary, detail)
	return false
}

func (m *module) refuseTwins(typ string, blocks []hclBlock) {
	first := map[string]hclBlock{}
	for _, b := range blocks {
		label := b.Labels[0]
		if one, ok := first[label]; ok {
			m.fail(b.src, b.DefRange(), typ+"."+label, fmt.Sprintf("%s %q is declared twice", typ, label),
				"It is also declared at "+m.at(one.DefRange())+"; rename or remove one.")
			continue
		}
		first[label] = b
	}
}

// at is a range's start for a message.
func (m *module) at(r hcl.Range) string {
	src := m.l.sources[r.Filename]
	return m.l.place(src.pos(src.nodeAt(r)))
}

func (m *module) readProject() {
	if m.project == nil {
		return
	}
	src := m.l.sources[m.project.SrcRange.Filename]
	n := m.value(src, m.project.Expr, "project")
	if n == nil {
		return
	}
	if n.kind != kindString || n.str == "" {
		src.add(SeverityError, n, "project must be a name", `Write project = "shop".`)
		return
	}
	if m.l.doc.ProjectNamed && m.l.doc.Project != n.str {
		src.add(SeverityError, n, fmt.Sprintf("the files belong to two projects, %s and %s", m.l.doc.Project, n.str), "Apply each project on its own.")
		return
	}
	m.l.doc.Project, m.l.doc.ProjectNamed = n.str, true
}

func (m *module) fail(src *source, r hcl.Range, field, summary, detail string) {
	n := src.nodeAt(r)
	n.field = field
	src.add(SeverityError, n, summary, detail)
}

// report passes on what hcl says.
func (m *module) report(src *source, field string, diags hcl.Diagnostics) {
	reportTo(src, field, diags)
}

func reportTo(src *source, field string, diags hcl.Diagnostics) {
	for _, d := range diags {
		sev, n := SeverityError, &node{}
		if d.Severity == hcl.DiagWarning {
			sev = SeverityWarning
		}
		if d.Subject != nil {
			n = src.nodeAt(*d.Subject)
		}
		n.field = field
		detail := strings.TrimSpace(d.Detail)
		if detail == "" {
			detail = "Correct the expression."
		}
		src.add(sev, n, strings.TrimSuffix(d.Summary, "."), detail)
	}
}

// nodeAt is a node without a value at a range. Hcl counts columns in
// characters, we in bytes.
func (s *source) nodeAt(r hcl.Range) *node {
	n := &node{line: r.Start.Line, col: r.Start.Column, width: 1}
	if start := r.Start.Byte; start >= 0 && start <= len(s.data) {
		n.col = start - bytes.LastIndexByte(s.data[:start], '\n')
	}
	if r.End.Line == r.Start.Line && r.End.Byte > r.Start.Byte {
		n.width = r.End.Byte - r.Start.Byte
	}
	return n
}

// attributes answers the attributes of a body in file order.
func attributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	sortBy(out, func(a *hclsyntax.Attribute) int { return a.SrcRange.Start.Byte })
	return out
}
