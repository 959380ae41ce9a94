package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Between these two, references to variables stand in the strings of an HCL
// tree, where "((x))" is only text. They are of Unicode's private use area.
const (
	refOpen, refClose = "\uE000", "\uE001"
)

var refPattern = regexp.MustCompile(refOpen + `([^` + refClose + `]*)` + refClose)

// piece is a part of a string: text, or the name of a variable.
type piece struct {
	text, name string
}

// pieces splits a string at its variables. Answers one piece of text where
// there are none.
func (c *converter) pieces(n *node) []piece {
	pattern := variablePattern
	if c.fromHCL {
		pattern = refPattern
	}
	if n.fromVar && !c.fromHCL {
		return []piece{{text: n.str}} // what a variable brought is not looked at again
	}
	var out []piece
	rest := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(n.str, -1) {
		if m[0] > rest {
			out = append(out, piece{text: n.str[rest:m[0]]})
		}
		out = append(out, piece{name: strings.TrimPrefix(n.str[m[2]:m[3]], "!")})
		rest = m[1]
	}
	if rest < len(n.str) || len(out) == 0 {
		out = append(out, piece{text: n.str[rest:]})
	}
	return out
}

// refers says whether a string has variables, and whole whether it is nothing
// but one.
func (c *converter) refers(n *node) (refers, whole bool) {
	if n.kind != kindString {
		return false, false
	}
	pieces := c.pieces(n)
	for _, p := range pieces {
		refers = refers || p.name != ""
	}
	return refers, refers && len(pieces) == 1
}

// anyRefers says whether any part of a value has variables.
func (c *converter) anyRefers(n *node) bool {
	if refers, _ := c.refers(n); refers {
		return true
	}
	for _, item := range n.items {
		if c.anyRefers(item) {
			return true
		}
	}
	for _, e := range n.entries {
		if c.anyRefers(e.key) || c.anyRefers(e.val) {
			return true
		}
	}
	return false
}

// value is what a variable was given on the command line, nil if nothing.
func (c *converter) value(name string) *node {
	if !c.fromHCL {
		v, err := c.l.vars.get(name)
		if err != nil {
			return nil
		}
		return v
	}
	parts := strings.Split(name, ".")
	v := c.given[parts[0]]
	for _, part := range parts[1:] {
		if v == nil {
			return nil
		}
		v = v.part(part)
	}
	return v
}

// number makes a number of a variable's name: every variable has its own.
func (c *converter) number(name string) int {
	if c.numbers[name] == 0 {
		c.numbers[name] = 1001 + len(c.numbers)
	}
	return c.numbers[name]
}

// sampleMap copies a map whose keys are in tables, giving every variable the
// value it has or one that the key takes: then the rules that hold for values
// can be asked although some are not known.
func (c *converter) sampleMap(n *node, tables ...[]key) *node {
	out := *n
	out.entries, out.index = nil, nil
	for _, e := range n.entries {
		k := key{value: value{kind: anyText}}
		for _, table := range tables {
			if found, ok := keyOf(table, e.key.text()); ok {
				k = found
			}
		}
		if val := c.sample(e.val, k, n); val != nil {
			out.set(c.sampleText(e.key), val)
		}
	}
	return &out
}

// keyOf finds a key in a table, spelt with "-" or "_".
func keyOf(table []key, name string) (key, bool) {
	name = strings.ReplaceAll(name, "-", "_")
	for _, k := range table {
		if strings.ReplaceAll(k.name, "-", "_") == name {
			return k, true
		}
	}
	return key{}, false
}

// sample copies a value; nil stands for one that is better left out.
func (c *converter) sample(n *node, k key, in *node) *node {
	switch n.kind {
	case kindString:
		if _, whole := c.refers(n); whole {
			return c.sampleWhole(n, k, in)
		}
		return c.sampleText(n)
	case kindList:
		out := *n
		out.items = nil
		item := key{name: k.name, value: value{kind: strictText}}
		for _, i := range n.items {
			var s *node
			if i.kind == kindMap && len(k.value.keys) > 0 {
				s = c.sampleMap(i, k.value.keys)
			} else if _, whole := c.refers(i); !whole || k.name != "routes" {
				s = c.sample(i, item, n)
			}
			if s != nil {
				out.items = append(out.items, s)
			}
		}
		return &out
	case kindMap:
		return c.sampleMap(n, k.value.keys)
	}
	return n
}

// sampleText replaces the variables of a string by numbers.
func (c *converter) sampleText(n *node) *node {
	if refers, _ := c.refers(n); !refers {
		return n
	}
	var b strings.Builder
	for _, p := range c.pieces(n) {
		v := (*node)(nil)
		if p.name != "" {
			v = c.value(p.name)
		}
		switch {
		case p.name == "":
			b.WriteString(p.text)
		case v != nil:
			b.WriteString(v.text())
		default:
			b.WriteString(strconv.Itoa(c.number(p.name)))
		}
	}
	out := newString(b.String(), n)
	out.fromVar = true
	return out
}

// sampleWhole answers a value for a variable that stands alone.
func (c *converter) sampleWhole(n *node, k key, in *node) *node {
	name := c.pieces(n)[0].name
	if v := c.value(name); v != nil {
		return v.at(n)
	}
	word := fmt.Sprintf("v%d", c.number(name))
	out := newString(word, n)
	switch k.value.kind {
	case sizeText, rateText:
		out.str = "1000M"
		if in.get("process_types") != nil { // a sidecar's, part of a process's
			out.str = "1M"
		}
	case wholeCLI, wholeCC:
		out.kind, out.i, out.digit = kindInt, 1, "1"
	case yesOrNo:
		out.kind = kindBool
	case urlPath:
		out.str = "/"
	case listOf:
		out.kind = kindList
		if k.name == "process_types" {
			out.items = []*node{newString(WebProcess, n)}
		}
	case mapOf:
		out.kind = kindMap
	case oneWord, mapWith:
		return nil
	default:
		switch k.name {
		case "route":
			out.str = word + ".example.com"
		case "user":
			out.str = "vcap"
		}
	}
	return out
}
