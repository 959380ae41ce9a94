package spec

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// kind is the type of a node: YAML's and HCL's values meet here.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindList
	kindMap
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a number", "a string", "a list", "a map"}[k]
}

// node is one value of a file with its position: the common form of
// manifest.yml and HCL that apps are decoded from.
type node struct {
	kind  kind
	str   string // kindString
	b     bool
	i     int64 // kindInt; saturated where the number does not fit
	f     float64
	digit string // kindInt: the decimal text
	raw   string // a YAML scalar as written: "n" where the value is false

	items   []*node
	entries []entry
	index   map[string]int // of entries, by the identity of their key

	line, col, width int
	field            string // path in the file: "applications[0].memory"

	fromVar bool // the value came through a ((var)) or a sensitive variable
	secret  bool // the variable was declared sensitive (HCL)
	// anchored values may stand under any key, for others to refer to them.
	anchored bool
}

type entry struct {
	key *node
	val *node
}

// text is the value as the string that Cloud Foundry makes of it: numbers and
// booleans as cf's encoder writes them and Ruby reads them back.
func (n *node) text() string {
	switch n.kind {
	case kindBool:
		return strconv.FormatBool(n.b)
	case kindInt:
		return n.digit
	case kindFloat:
		return floatText(n.f)
	case kindString:
		return n.str
	}
	return ""
}

// floatText writes a float as yaml.v2 does (shortest, "5" for 5.0, "1e+06").
// Ruby takes a text with an exponent for a float only if it has a point, and
// then writes it out in full below 1e16.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.Contains(s, "e") || !strings.Contains(s, ".") {
		return s
	}
	if a := math.Abs(f); a >= 1e-4 && a < 1e16 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
	}
	return s
}

var plainSymbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*[?!]?$`)

// inspect is Ruby's text of a list or map, which is what Cloud Foundry makes
// of them where a string is wanted (env): that of Ruby 3.4 and later, for the
// Cloud Controller turns string keys into symbols.
func (n *node) inspect() string {
	switch n.kind {
	case kindNull:
		return "nil"
	case kindString:
		return strconv.Quote(n.str)
	case kindList:
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = item.inspect()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case kindMap:
		parts := make([]string, len(n.entries))
		for i, e := range n.entries {
			key := e.key.inspect() + " => "
			if e.key.kind == kindString {
				key = e.key.inspect() + ": "
				if plainSymbol.MatchString(e.key.str) {
					key = e.key.str + ": "
				}
			}
			parts[i] = key + e.val.inspect()
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.text()
}

// identity is the same for two map keys that are one: of one type and value.
func (n *node) identity() string {
	return strconv.Itoa(int(n.kind)) + n.text()
}

// get answers the value of a key, nil if there is none.
func (n *node) get(key string) *node {
	if n == nil || n.kind != kindMap {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text() == key {
			return e.val
		}
	}
	return nil
}

// set gives a key its value; one that was there is replaced, in its place.
func (n *node) set(key, val *node) (replaced *node) {
	if n.index == nil {
		n.index = make(map[string]int, len(n.entries)+1)
		for i, e := range n.entries {
			n.index[e.key.identity()] = i
		}
	}
	id := key.identity()
	if i, ok := n.index[id]; ok {
		replaced = n.entries[i].key
		n.entries[i] = entry{key, val}
		return replaced
	}
	n.index[id] = len(n.entries)
	n.entries = append(n.entries, entry{key, val})
	return nil
}

// goValue is the value as JSON has it; map keys become strings.
func (n *node) goValue() any {
	switch n.kind {
	case kindBool:
		return n.b
	case kindInt:
		return n.wholeValue()
	case kindFloat:
		if math.IsNaN(n.f) || math.IsInf(n.f, 0) {
			return floatText(n.f)
		}
		return n.f
	case kindString:
		return n.str
	case kindList:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.goValue()
		}
		return out
	case kindMap:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key.text()] = e.val.goValue()
		}
		return out
	}
	return nil
}

// wholeValue is a whole number as JSON has it: one beyond 64 bits is a float.
func (n *node) wholeValue() any {
	if i, err := strconv.ParseInt(n.digit, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(n.digit, 10, 64); err == nil {
		return u
	}
	f, err := strconv.ParseFloat(n.digit, 64)
	if err != nil {
		return n.i
	}
	return f
}

// holdsAnchor says whether the value or a part of it may be referred to.
func (n *node) holdsAnchor() bool {
	if n.anchored {
		return true
	}
	for _, item := range n.items {
		if item.holdsAnchor() {
			return true
		}
	}
	for _, e := range n.entries {
		if e.key.anchored || e.val.holdsAnchor() {
			return true
		}
	}
	return false
}

// weight is about how many bytes the value has in a file.
func (n *node) weight() int {
	sum := 1 + len(n.str)
	for _, item := range n.items {
		sum += item.weight()
	}
	for _, e := range n.entries {
		sum += e.key.weight() + e.val.weight()
	}
	return sum
}

// tainted says whether any part of the value came through a variable that
// hides it, and whether any was declared sensitive.
func (n *node) tainted() (fromVar, secret bool) {
	fromVar, secret = n.fromVar || n.secret, n.secret
	for _, item := range n.items {
		v, s := item.tainted()
		fromVar, secret = fromVar || v, secret || s
	}
	for _, e := range n.entries {
		v, s := e.val.tainted()
		fromVar, secret = fromVar || v, secret || s
	}
	return fromVar, secret
}

// at copies the value to another place in a file: the position of errors in
// what a variable brought is where it is used.
func (n *node) at(place *node) *node {
	c := *n
	c.line, c.col, c.width = place.line, place.col, place.width
	c.fromVar = true
	c.items, c.entries, c.index = nil, nil, nil
	for _, item := range n.items {
		c.items = append(c.items, item.at(place))
	}
	for _, e := range n.entries {
		c.entries = append(c.entries, entry{e.key.at(place), e.val.at(place)})
	}
	return &c
}

// maxField bounds the length of a field's name: what lies deeper than that
// has the name of what it lies in. A key may be as long as its file.
const maxField = 400

// nameFields gives every node below n its field, n's own being field.
func (n *node) nameFields(field string) {
	if len(field) > maxField {
		n.shareField(cut(field, maxField) + "…")
		return
	}
	n.field = field
	for i, item := range n.items {
		item.nameFields(field + "[" + strconv.Itoa(i) + "]")
	}
	for _, e := range n.entries {
		name := e.key.text()
		if field != "" {
			name = field + "." + name
		}
		e.key.field = name
		e.val.nameFields(name)
	}
}

func (n *node) shareField(field string) {
	n.field = field
	for _, item := range n.items {
		item.shareField(field)
	}
	for _, e := range n.entries {
		e.key.field = field
		e.val.shareField(field)
	}
}

func newString(s string, place *node) *node {
	return &node{kind: kindString, str: s, line: place.line, col: place.col, width: place.width, field: place.field}
}
