package spec

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// variables are the values of ((name)) and of HCL variables, in layers: the
// first that has a name counts. Whoever runs wadi (flags, environment) comes
// before what the repository says (.wadi.yaml, *.auto.wadivars).
type variables struct {
	flags, files, env, projectFlags, projectFiles layer
	auto                                          layer // of the folder that is being read
}

// layer is where values come from that are of one rank.
type layer struct {
	byName map[string]given
	env    func(string) (string, bool)
}

// given is the value of a variable and where it was given.
type given struct {
	node *node
	// text is the value as it was given on the command line or in the
	// environment, which HCL reads by the type that a variable declares.
	text   string
	isText bool
	origin string
}

func (v *variables) layers() []*layer {
	return []*layer{&v.flags, &v.files, &v.env, &v.projectFlags, &v.projectFiles, &v.auto}
}

// find answers what was given for a whole name.
func (v *variables) find(name string) (given, bool) {
	for _, l := range v.layers() {
		if g, ok := l.byName[name]; ok {
			return g, true
		}
		if l.env == nil {
			continue
		}
		if text, ok := l.env("WADI_VAR_" + name); ok {
			return given{node: textValue(text), text: text, isText: true, origin: "WADI_VAR_" + name}, true
		}
	}
	return given{}, false
}

// lookup answers a variable by its whole name, nil if there is none.
func (v *variables) lookup(name string) *node {
	g, _ := v.find(name)
	return g.node
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

// set gives a name its value.
func (l *layer) set(name string, g given) {
	if l.byName == nil {
		l.byName = map[string]given{}
	}
	l.byName[name] = g
}

// addFlag takes one name=value, as --var has it; false if it is not of that
// form.
func (l *layer) addFlag(flag, origin string) bool {
	name, value, ok := strings.Cut(flag, "=")
	if !ok || name == "" {
		return false
	}
	l.set(name, given{node: textValue(value), text: value, isText: true, origin: origin})
	return true
}

// addFile takes the map of one variable file. A dotted name makes a map:
// `a.b: 1` is the b of ((a.b)) and part of ((a)). Names are taken as written:
// a variable may be called n, which YAML 1.1 reads as false.
func (l *layer) addFile(root *node, file string) {
	for _, e := range root.entries {
		name, origin := e.key.raw, fmt.Sprintf("%s:%d", file, e.key.line)
		l.set(name, given{node: e.val, origin: origin})
		parts := strings.Split(name, ".")
		if len(parts) == 1 {
			continue
		}
		top := l.byName[parts[0]].node
		if top == nil || top.kind != kindMap {
			top = &node{kind: kindMap}
			l.set(parts[0], given{node: top, origin: origin})
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
	brought int   // bytes that variables have become
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
		return nil
	}
	if before := in.brought; before <= maxExpanded {
		if in.brought += value.weight(); in.brought > maxExpanded {
			in.fail(place, tooLarge, "The variables make more than 4 MB of it: give less in them, or split the file.")
		}
	}
	if in.brought > maxExpanded {
		return nil
	}
	return value
}

// goType names the type as the message of bosh-cli does (%T).
func goType(n *node) string {
	return [...]string{"<nil>", "bool", "int", "float64", "string", "[]interface {}", "map[interface {}]interface {}"}[n.kind]
}
