package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The attributes and blocks of HCL's places. Those of a process may also
// stand in the app, for web.
var (
	hclAppAttributes     = hclAttributes(appTable)
	hclProcessAttributes = hclAttributes(processTable)
	hclProcessBlocks     = hclBlocks(processTable)
	hclAppBlocks         = hclBlocks(appTable)
)

// readApps turns app blocks into the tree of an app of a manifest and
// decodes that: one set of rules for both.
func (m *module) readApps() {
	for _, b := range m.blocks["app"] {
		instances, ok := m.instances(b)
		if !ok {
			m.l.unnamed = true
			continue
		}
		seen := map[string]bool{}
		for _, i := range instances {
			before := len(m.l.diags)
			m.within(i, func() { m.readApp(i) })
			if len(instances) > 1 {
				m.onlyOnce(before, seen)
			}
		}
	}
}

func (m *module) readApp(i instance) {
	b := i.block
	root := b.src.nodeAt(b.DefRange())
	root.kind, root.field = kindMap, i.field
	m.broken = nil
	m.fillApp(b, root, i.field)
	if m.l.convert != nil {
		root = m.l.convert.take(b.src, root)
	}
	name, ok := m.appName(i, root)
	if !ok {
		m.l.unnamed = true
		return
	}
	m.l.unnamed = m.l.unnamed || slices.ContainsFunc(m.broken, func(b brokenValue) bool { return b.field == i.field+".name" })
	m.l.names = append(m.l.names, name)
	if !m.l.selected(name) {
		return
	}
	before := len(m.l.diags)
	app := decodeApp(b.src, root, name, true)
	if len(m.broken) == 0 {
		m.l.addApp(app)
		return
	}
	m.dropFollowUps(before)
}

// brokenValue is an attribute that could not be evaluated. In a block that is
// read as one thing the others may look wrong for that reason alone.
type brokenValue struct{ field, block string }

// dropFollowUps leaves out what is only wrong because a value is missing that
// could not be evaluated, which is told.
func (m *module) dropFollowUps(before int) {
	kept := m.l.diags[:before]
	for _, d := range m.l.diags[before:] {
		followUp := false
		for _, b := range m.broken {
			followUp = followUp || within(d.Field, b.field) || b.block != "" && within(d.Field, b.block)
		}
		if !followUp {
			kept = append(kept, d)
		}
	}
	m.l.diags = kept
}

// within says whether a field is another one or a part of it.
func within(field, outer string) bool {
	rest, ok := strings.CutPrefix(field, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func (m *module) appName(i instance, root *node) (string, bool) {
	src, n := i.block.src, root.get("name")
	if n == nil || n.kind == kindNull {
		return i.label, true
	}
	if n.kind == kindList || n.kind == kindMap {
		src.add(SeverityError, n, fmt.Sprintf("For application '%s': Name must be a string", i.label), "Write one text in quotes.")
		return "", false
	}
	if strings.TrimSpace(n.text()) == "" {
		src.add(SeverityError, n, fmt.Sprintf("For application '%s': Name must not be empty", i.label), "Give a name, or remove the attribute: the label is the name then.")
		return "", false
	}
	if n.secret {
		src.add(SeverityError, n, fmt.Sprintf("For application '%s': Name may not come from a sensitive variable", i.label),
			"An app's name shows everywhere: use a variable that is not sensitive.")
		return "", false
	}
	return n.text(), true
}

// attribute puts the value of an attribute into a map. Block is the field of
// the block if that is read as one thing.
func (m *module) attribute(src *source, attr *hclsyntax.Attribute, into *node, field, block string) {
	field += "." + attr.Name
	n := m.value(src, attr.Expr, field)
	if n == nil {
		m.broken = append(m.broken, brokenValue{field, block})
		n = src.nodeAt(attr.Expr.Range())
		n.field = field
	} else if n.kind == kindNull && attr.Name != "command" {
		return // null is "not set", but a command is the droplet's own
	}
	byReference(attr, n)
	if attr.Name == "routes" {
		wrapRoutes(n)
	}
	m.put(into, attr.Name, n)
}

func (m *module) fillApp(b hclBlock, root *node, field string) {
	known := append(append([]string{}, hclAppAttributes...), hclProcessAttributes...)
	for _, attr := range attributes(b.Body) {
		switch {
		case attr.Name == "for_each":
		case !slices.Contains(known, attr.Name):
			m.unknownAttribute(b.src, attr, field, "an app", append(known, hclAppBlocks...))
		default:
			m.attribute(b.src, attr, root, field, "")
		}
	}
	processes, sidecars := b.src.nodeAt(b.DefRange()), b.src.nodeAt(b.DefRange())
	processes.kind, sidecars.kind = kindList, kindList
	processes.field, sidecars.field = field+".process", field+".sidecar"
	once := map[string]bool{}
	for _, inner := range b.Body.Blocks {
		single := inner.Type != "process" && inner.Type != "sidecar" && inner.Type != "constraint"
		if single && once[inner.Type] {
			m.fail(b.src, inner.DefRange(), field+"."+inner.Type, fmt.Sprintf("block %q stands here twice", inner.Type), "Merge the two.")
			continue
		}
		once[inner.Type] = true
		m.appBlock(b.src, inner, root, processes, sidecars, field)
	}
	if len(processes.items) > 0 {
		m.put(root, "processes", processes)
	}
	if len(sidecars.items) > 0 {
		m.put(root, "sidecars", sidecars)
	}
}

func (m *module) appBlock(src *source, b *hclsyntax.Block, root, processes, sidecars *node, field string) {
	switch b.Type {
	case "process":
		if m.labelled(src, b, 1) {
			processes.items = append(processes.items, m.process(src, b, field+".process."+b.Labels[0]))
		}
	case "sidecar":
		if m.labelled(src, b, 1) {
			at := field + ".sidecar." + b.Labels[0]
			n := m.attributeMap(src, b, at, "a sidecar", hclAttributes(sidecarTable))
			m.put(n, "name", newString(b.Labels[0], n))
			sidecars.items = append(sidecars.items, n)
		}
	case "deploy":
		if m.labelled(src, b, 0) {
			m.put(root, "deploy", m.attributeMap(src, b, field+".deploy", "deploy", hclAttributes(deployTable)))
		}
	case "docker":
		if m.labelled(src, b, 0) {
			m.put(root, "docker", m.attributeMap(src, b, field+".docker", "docker", hclAttributes(dockerTable)))
		}
	case "health_check", "readiness_health_check":
		m.healthCheck(src, b, root, field+"."+b.Type)
	case "constraint":
		m.constraint(src, b, root, field)
	default:
		m.unknownBlock(src, b, field, "an app", append(append([]string{}, hclAppBlocks...), hclProcessBlocks...))
	}
}

func (m *module) process(src *source, b *hclsyntax.Block, field string) *node {
	n := src.nodeAt(b.DefRange())
	n.kind, n.field = kindMap, field
	typ := newString(b.Labels[0], n)
	m.put(n, "type", typ)
	for _, attr := range attributes(b.Body) {
		if !slices.Contains(hclProcessAttributes, attr.Name) {
			m.unknownAttribute(src, attr, field, "a process", append(hclProcessAttributes, hclProcessBlocks...))
			continue
		}
		m.attribute(src, attr, n, field, "")
	}
	once := map[string]bool{}
	for _, inner := range b.Body.Blocks {
		switch {
		case !slices.Contains(hclProcessBlocks, inner.Type):
			m.unknownBlock(src, inner, field, "a process", append(hclProcessAttributes, hclProcessBlocks...))
		case inner.Type == "constraint":
			m.constraint(src, inner, n, field)
		case once[inner.Type]:
			m.fail(src, inner.DefRange(), field+"."+inner.Type, fmt.Sprintf("block %q stands here twice", inner.Type), "Merge the two.")
		default:
			m.healthCheck(src, inner, n, field+"."+inner.Type)
		}
		once[inner.Type] = true
	}
	return n
}

// healthCheck puts a check's attributes under the manifest's keys.
func (m *module) healthCheck(src *source, b *hclsyntax.Block, into *node, field string) {
	if !m.labelled(src, b, 0) {
		return
	}
	known, keys := nested(processTable, b.Type)
	values := m.attributeMap(src, b, field, b.Type, known)
	for _, e := range values.entries {
		name := e.key.text()
		if name != "type" && name != "endpoint" {
			m.seconds(src, e.val)
		}
		m.put(into, keys[name], e.val)
	}
}

// seconds turns "60s" or "2m" into a number of seconds, in place.
func (m *module) seconds(src *source, n *node) {
	if n.kind != kindString || m.asText && refPattern.MatchString(n.str) {
		return
	}
	d, err := time.ParseDuration(n.str)
	s := d.Seconds()
	if err != nil || s != math.Trunc(s) {
		src.add(SeverityError, n, fmt.Sprintf("%s is not a number of seconds", strconv.Quote(shown(n))), `Write a whole number of seconds, such as 30, or "30s", "2m".`)
		return
	}
	n.kind, n.i, n.digit = kindInt, int64(s), strconv.FormatInt(int64(s), 10)
}

// shown is a value's text for a message; a secret stays one.
func shown(n *node) string {
	if _, secret := n.tainted(); secret {
		return masked
	}
	return n.text()
}

// attributeMap is a block of attributes, as a map; blocks in it are left to
// the caller.
func (m *module) attributeMap(src *source, b *hclsyntax.Block, field, place string, known []string, blocks ...string) *node {
	m.onlyAttributes(src, b, field, place, known, blocks...)
	n := src.nodeAt(b.DefRange())
	n.kind, n.field = kindMap, field
	for _, attr := range attributes(b.Body) {
		if !slices.Contains(known, attr.Name) {
			continue
		}
		m.attribute(src, attr, n, field, field)
	}
	return n
}

func (m *module) put(into *node, key string, val *node) {
	into.set(newString(key, val), val)
}

// wrapRoutes makes a map of every route that is only its text.
func wrapRoutes(n *node) {
	for i, item := range n.items {
		if item.kind != kindString {
			continue
		}
		r := *item
		r.kind, r.str, r.index = kindMap, "", nil
		r.entries = []entry{{newString("route", item), item}}
		n.items[i] = &r
	}
}
