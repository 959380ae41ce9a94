package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
)

const (
	// maxAliasNodes bounds what aliases may expand to, so that a small file
	// ("billion laughs") cannot fill the memory.
	maxAliasNodes = 100_000
	// maxExpanded bounds the text that aliases, and variables, bring: with more
	// the manifest that cf sends would be above Cloud Foundry's limit, 1 MB.
	maxExpanded = 4 << 20
	// maxDepth bounds nesting; real manifests stay below ten.
	maxDepth = 200
)

// parseYAML reads the first document of a YAML file into nodes as yaml.v2
// (cf's parser) would: YAML 1.1 scalars, the last of duplicate keys, merge
// keys in the order of the file. Notes are harmless oddities worth a warning.
// The answer is nil for an empty document; errors are *yamlError.
func parseYAML(data []byte) (root *node, notes []yamlError, err error) {
	if !utf8.Valid(data) && !bytes.HasPrefix(data, []byte{0xfe, 0xff}) && !bytes.HasPrefix(data, []byte{0xff, 0xfe}) {
		return nil, nil, invalidUTF8(data)
	}
	// A second byte order mark is text, and the parser takes one away itself.
	if bom := []byte("\xef\xbb\xbf"); !bytes.HasPrefix(data, append(bom, bom...)) {
		data = bytes.TrimPrefix(data, bom)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, refusedByCF(data)
		}
		return nil, nil, syntaxError(data, err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil, nil
	}
	c := &yamlConverter{lines: splitLines(data), starts: map[int][]int{}, open: map[*yaml.Node]bool{}}
	root, err = c.convert(doc.Content[0], 0)
	if err != nil {
		return nil, nil, err
	}
	if err := refusedByCF(data); err != nil {
		return nil, nil, err
	}
	var second yaml.Node
	if dec.Decode(&second) == nil {
		c.notes = append(c.notes, yamlError{line: max(second.Line, 1), col: 1,
			msg: "only the first YAML document of a file is read, what follows `---` is ignored",
			fix: "Put all apps in one document, in one list `applications`."})
	}
	return root, c.notes, nil
}

// refusedByCF asks cf's own parser about a document that yaml.v3 has read:
// it is stricter at some edges, such as tabs before a comment.
func refusedByCF(data []byte) error {
	var value any
	if err := yamlv2.Unmarshal(data, &value); err != nil {
		return syntaxError(data, err)
	}
	return nil
}

type yamlConverter struct {
	lines   []string
	starts  map[int][]int       // of characters, by line
	open    map[*yaml.Node]bool // anchors being expanded
	aliased int                 // nodes made by aliases so far
	bytes   int                 // their text
	aliases int                 // aliases we are inside of
	notes   []yamlError
}

func (c *yamlConverter) fail(y *yaml.Node, msg, fix string) error {
	if y.Line > 0 && y.Line <= len(c.lines) && looksLikeTemplate(c.lines[y.Line-1]) {
		fix = fixTemplate
	}
	return &yamlError{line: y.Line, col: c.column(y), msg: msg, fix: fix}
}

func (c *yamlConverter) convert(y *yaml.Node, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, c.fail(y, fmt.Sprintf("nested more than %d levels deep", maxDepth), "Flatten the document.")
	}
	if err := c.count(y); err != nil {
		return nil, err
	}
	switch y.Kind {
	case yaml.ScalarNode:
		return c.scalar(y)
	case yaml.SequenceNode:
		n := c.place(y, kindList)
		for _, item := range y.Content {
			v, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, v)
		}
		return n, nil
	case yaml.MappingNode:
		n := c.place(y, kindMap)
		return n, c.mapping(y, n, depth)
	case yaml.AliasNode:
		var n *node
		err := c.throughAlias(y, func(target *yaml.Node) (err error) {
			n, err = c.convert(target, depth+1)
			return err
		})
		return n, err
	}
	return nil, c.fail(y, "this kind of YAML node is not known", "Write a map, a list or a plain value.")
}

// count counts what aliases expand to.
func (c *yamlConverter) count(y *yaml.Node) error {
	if c.aliases > 0 {
		c.aliased++
		c.bytes += len(y.Value)
		if c.aliased > maxAliasNodes || c.bytes > maxExpanded {
			return c.fail(y, "document contains excessive aliasing", "Write the repeated parts out, or use fewer aliases.")
		}
	}
	return nil
}

// throughAlias follows an alias, refusing one that is inside its own anchor.
func (c *yamlConverter) throughAlias(y *yaml.Node, f func(*yaml.Node) error) error {
	if c.open[y.Alias] {
		return c.fail(y, fmt.Sprintf("anchor '%s' value contains itself", y.Value), "Remove the alias from what it refers to.")
	}
	c.open[y.Alias] = true
	c.aliases++
	err := f(y.Alias)
	c.aliases--
	delete(c.open, y.Alias)
	return err
}

func (c *yamlConverter) mapping(y *yaml.Node, into *node, depth int) error {
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if isMergeKey(k) {
			if err := c.merge(v, into, depth+1); err != nil {
				return err
			}
			continue
		}
		key, err := c.convert(k, depth+1)
		if err != nil {
			return err
		}
		if key.kind == kindMap || key.kind == kindList {
			return c.fail(k, "invalid map key: a key must be a plain value, not "+key.kind.String(), "Quote the key if it is meant as text.")
		}
		val, err := c.convert(v, depth+1)
		if err != nil {
			return err
		}
		old := into.set(key, val)
		if old != nil && old.line >= y.Line && c.aliases == 0 {
			c.noteDuplicate(key, old)
		}
	}
	return nil
}

func (c *yamlConverter) noteDuplicate(key, old *node) {
	if old.line == key.line && old.col == key.col {
		return
	}
	c.notes = append(c.notes, yamlError{line: key.line, col: key.col,
		msg: fmt.Sprintf("the key `%s` is given twice, the value on line %d is ignored", key.text(), old.line),
		fix: "Remove one of them: the last one counts, as in Cloud Foundry."})
}

// isMergeKey says whether a key is an unquoted `<<`.
func isMergeKey(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.ShortTag() == tagMerge
}

// merge puts the pairs of a map, or of a list of maps whose first counts
// most, into the map. As in yaml.v2 it replaces keys that stand before the
// `<<`, and keys that stand after it replace what it brought.
func (c *yamlConverter) merge(v *yaml.Node, into *node, depth int) error {
	if depth > maxDepth {
		return c.fail(v, fmt.Sprintf("nested more than %d levels deep", maxDepth), "Flatten the document.")
	}
	if err := c.count(v); err != nil { // a merge may bring nothing
		return err
	}
	const want, fix = "map merge requires map or sequence of maps as the value", "Give `<<` an alias of a map: `<<: *name`."
	switch v.Kind {
	case yaml.MappingNode:
		return c.mapping(v, into, depth)
	case yaml.AliasNode:
		if v.Alias.Kind != yaml.MappingNode {
			return c.fail(v, want, fix)
		}
		return c.throughAlias(v, func(target *yaml.Node) error { return c.mapping(target, into, depth) })
	case yaml.SequenceNode:
		for i := len(v.Content) - 1; i >= 0; i-- {
			item := v.Content[i]
			if item.Kind != yaml.MappingNode && (item.Kind != yaml.AliasNode || item.Alias.Kind != yaml.MappingNode) {
				return c.fail(item, want, fix)
			}
			if err := c.merge(item, into, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return c.fail(v, want, fix)
}

func (c *yamlConverter) scalar(y *yaml.Node) (*node, error) {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	var value node
	switch {
	case y.Style&yaml.TaggedStyle != 0 && y.Tag != "":
		var err error
		if value, err = resolveTagged(y.ShortTag(), y.Value); err != nil {
			return nil, c.fail(y, err.Error(), "Remove the tag or correct the value.")
		}
	case y.Style&quoted != 0:
		value = node{kind: kindString, str: y.Value}
	default:
		value = resolvePlain(y.Value)
	}
	n := c.place(y, value.kind)
	n.str, n.b, n.i, n.f, n.digit = value.str, value.b, value.i, value.f, value.digit
	n.raw = y.Value
	return n, nil
}

// place makes a node at the position of a YAML node.
func (c *yamlConverter) place(y *yaml.Node, k kind) *node {
	n := &node{kind: k, line: y.Line, col: c.column(y), width: 1, anchored: y.Anchor != ""}
	if y.Kind == yaml.ScalarNode {
		n.width = len(y.Value)
		if y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			n.width += 2
		}
		if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			n.width = 1
		}
	}
	return n
}

// column turns the parser's column (in characters) into one in bytes.
func (c *yamlConverter) column(y *yaml.Node) int {
	if y.Line < 1 || y.Line > len(c.lines) {
		return y.Column
	}
	starts, known := c.starts[y.Line]
	if !known {
		starts = characterStarts(c.lines[y.Line-1])
		c.starts[y.Line] = starts
	}
	if y.Column < 1 || y.Column > len(starts) {
		return y.Column
	}
	return starts[y.Column-1] + 1
}

// characterStarts are the offsets of a line's characters; nil if each is one
// byte. A file may be one line: looking for each column anew takes n² steps.
func characterStarts(line string) []int {
	if utf8.RuneCountInString(line) == len(line) {
		return nil
	}
	var starts []int
	for i := range line {
		starts = append(starts, i)
	}
	return starts
}

// splitLines answers the lines without their ends (LF, CRLF or CR).
func splitLines(data []byte) []string {
	text := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n")
	return strings.Split(text, "\n")
}
