package spec

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// variables are the values of ((name)) and of HCL variables: --var over
// variable files over WADI_VAR_name.
type variables struct {
	byName map[string]*node
	// raw holds the text of --var and of the environment, which HCL reads by
	// the type that a variable declares.
	raw map[string]string
	env func(string) (string, bool)
}

// lookup answers a variable by its whole name, nil if there is none.
func (v *variables) lookup(name string) *node {
	if n, ok := v.byName[name]; ok {
		return n
	}
	if v.env == nil {
		return nil
	}
	text, ok := v.env("WADI_VAR_" + name)
	if !ok {
		return nil
	}
	return textValue(text)
}

// rawText answers the text of a variable that was given as text.
func (v *variables) rawText(name string) (string, bool) {
	if text, ok := v.raw[name]; ok {
		return text, true
	}
	if _, ok := v.byName[name]; ok || v.env == nil {
		return "", false
	}
	return v.env("WADI_VAR_" + name)
}

// get answers the value of a name inside ((…)): "a.b.0" walks into the maps
// and lists of variable a. The error says what was in the way.
func (v *variables) get(name string) (*node, error) {
	n := v.lookup(name)
	if n != nil {
		return n, nil
	}
	parts := strings.Split(name, ".")
	if n = v.lookup(parts[0]); n == nil {
		return nil, nil
	}
	for i, part := range parts[1:] {
		switch n.kind {
		case kindMap:
			if n = n.get(part); n == nil {
				return nil, nil
			}
		case kindList:
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(n.items) {
				return nil, fmt.Errorf("variable %s has no element %s: it is a list of %d", strings.Join(parts[:i+1], "."), part, len(n.items))
			}
			n = n.items[index]
		default:
			return nil, fmt.Errorf("variable %s is %s: it has no part %s", strings.Join(parts[:i+1], "."), n.kind, part)
		}
	}
	return n, nil
}

// textValue is a value given on the command line: YAML, as cf reads --var,
// or plain text where it is not YAML.
func textValue(text string) *node {
	n, _, err := parseYAML([]byte(text))
	if err != nil {
		return &node{kind: kindString, str: text}
	}
	if n == nil {
		return &node{kind: kindNull}
	}
	return n
}

// addFlag takes one --var name=value; false if it is not of that form.
func (v *variables) addFlag(flag string) bool {
	name, value, ok := strings.Cut(flag, "=")
	if !ok || name == "" {
		return false
	}
	v.byName[name] = textValue(value)
	v.raw[name] = value
	return true
}

// addFile takes the map of one variable file. A dotted name makes a map:
// `a.b: 1` is the b of ((a.b)) and part of ((a)). Names are taken as written:
// a variable may be called n, which YAML 1.1 reads as false.
func (v *variables) addFile(root *node) {
	for _, e := range root.entries {
		name := e.key.raw
		v.byName[name] = e.val
		delete(v.raw, name)
		parts := strings.Split(name, ".")
		if len(parts) == 1 {
			continue
		}
		top := v.byName[parts[0]]
		if top == nil || top.kind != kindMap {
			top = &node{kind: kindMap}
			v.byName[parts[0]] = top
		}
		for _, part := range parts[1 : len(parts)-1] {
			next := top.get(part)
			if next == nil || next.kind != kindMap {
				next = &node{kind: kindMap}
				top.set(newString(part, e.key), next)
			}
			top = next
		}
		top.set(newString(parts[len(parts)-1], e.key), e.val)
	}
}

// The pattern is that of bosh-cli v6.4.1, which cf uses: no blanks inside.
var (
	variablePattern = regexp.MustCompile(`\(\((!?[-/\.\w\pL]+)\)\)`)
	wholeVariable   = regexp.MustCompile(`\A\(\((!?[-/\.\w\pL]+)\)\)\z`)
)

// interpolation replaces ((name)) in a tree, in values and keys.
type interpolation struct {
	vars    *variables
	missing map[string]bool
	first   *node // where the first missing name stands
	fail    func(place *node, summary, detail string)
}

// missingNames are the names that have no value, sorted.
func (in *interpolation) missingNames() []string {
	var names []string
	for name := range in.missing {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// tree answers n with all variables replaced; n itself is changed.
func (in *interpolation) tree(n *node) *node {
	switch n.kind {
	case kindString:
		return in.text(n)
	case kindList:
		for i, item := range n.items {
			n.items[i] = in.tree(item)
		}
	case kindMap:
		old := n.entries
		n.entries, n.index = nil, nil
		for _, e := range old {
			n.set(in.tree(e.key), in.tree(e.val))
		}
	}
	return n
}

// text replaces the variables of one string. A string that is nothing but
// one ((name)) becomes the variable with its type.
func (in *interpolation) text(n *node) *node {
	if m := wholeVariable.FindStringSubmatch(n.str); m != nil {
		if value := in.value(n, m[1]); value != nil {
			return value.at(n)
		}
		return n
	}
	found := false
	text := variablePattern.ReplaceAllStringFunc(n.str, func(match string) string {
		value := in.value(n, match[2:len(match)-2])
		if value == nil {
			return match
		}
		found = true
		if value.kind != kindString && value.kind != kindInt {
			in.fail(n, fmt.Sprintf("Invalid type '%s' for value '%s' and variable '%s'. Supported types for interpolation within a string are integers and strings.",
				goType(value), fmt.Sprint(value.goValue()), strings.TrimPrefix(match[2:len(match)-2], "!")),
				"Quote the variable's value to make it a string, or let the variable stand alone.")
		}
		return value.text()
	})
	if !found {
		return n
	}
	out := newString(text, n)
	out.fromVar = true
	return out
}

func (in *interpolation) value(place *node, name string) *node {
	name = strings.TrimPrefix(name, "!")
	value, err := in.vars.get(name)
	if err != nil {
		in.fail(place, err.Error(), "Correct the name inside (( )) or the variable's value.")
		return nil
	}
	if value == nil {
		if in.first == nil {
			in.first = place
		}
		in.missing[name] = true
	}
	return value
}

// goType names the type as the message of bosh-cli does (%T).
func goType(n *node) string {
	return [...]string{"<nil>", "bool", "int", "float64", "string", "[]interface {}", "map[interface {}]interface {}"}[n.kind]
}
