package spec

import (
	"fmt"
	"regexp"
	"slices"
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
	file   string // the variable file, if it came from one, and its name there
	key    *node
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
// and lists of variable a, "a.b.-1" to the last element; nil if there is no a.
// The error says what was in the way.
func (v *variables) get(name string) (*node, *pathError) {
	n := v.lookup(name)
	if n != nil {
		return n, nil
	}
	root, path, deep := strings.Cut(name, ".")
	if n = v.lookup(root); n == nil || !deep {
		return n, nil
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '/' })
	for i, part := range parts {
		next := n.part(part)
		if next == nil {
			return nil, &pathError{name: name, parts: parts[:i+1], at: n}
		}
		n = next
	}
	return n, nil
}

// part answers what a map has below a key, or a list at an index, nil if it
// has nothing there.
func (n *node) part(name string) *node {
	if n.kind != kindList {
		return n.get(name)
	}
	index, err := strconv.Atoi(name)
	if index < 0 {
		index += len(n.items)
	}
	if err != nil || index < 0 || index >= len(n.items) {
		return nil
	}
	return n.items[index]
}

// pathError is a dotted name whose last part a variable does not have. Its
// text is bosh-cli's.
type pathError struct {
	name  string
	parts []string
	at    *node // where the last part was looked for
}

func (e *pathError) Error() string {
	path := "/" + strings.Join(e.parts, "/")
	if e.at.kind != kindMap {
		return fmt.Sprintf("Finding variable '%s': Expected to find a map at path '%s' but found '%s'", e.name, path, goType(e.at))
	}
	found := "found no other map keys"
	if keys := e.at.keyTexts(); len(keys) > 0 {
		found = "found map keys: '" + strings.Join(keys, "', '") + "'"
	}
	return fmt.Sprintf("Finding variable '%s': Expected to find a map key '%s' for path '%s' (%s)", e.name, e.parts[len(e.parts)-1], path, found)
}

func (e *pathError) fix() string {
	if e.at.kind == kindList && len(e.at.items) > 0 {
		return fmt.Sprintf("Here is a list: its elements are 0 to %d.", len(e.at.items)-1)
	}
	return "Correct the name inside (( )) or the variable's value."
}

// keyTexts are the keys of a map, sorted.
func (n *node) keyTexts() []string {
	var out []string
	for _, e := range n.entries {
		out = append(out, e.key.text())
	}
	slices.Sort(out)
	return out
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
func (l *layer) addFile(root *node, src *source, shown string) {
	for _, e := range root.entries {
		name := e.key.raw
		from := given{node: e.val, origin: fmt.Sprintf("%s:%d", shown, e.key.line), file: src.path, key: e.key}
		l.set(name, from)
		parts := strings.Split(name, ".")
		if len(parts) == 1 {
			continue
		}
		top := l.byName[parts[0]].node
		if top == nil || top.kind != kindMap {
			top = &node{kind: kindMap}
			from.node = top
			l.set(parts[0], from)
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

// definitions notes variables that the manifest defines below the key
// `variables`: bosh-cli, with which cf interpolates, wants values of those that
// have a type.
func (in *interpolation) definitions(list *node) {
	if list == nil || list.kind != kindList {
		return
	}
	for _, def := range list.items {
		name, typ := def.get("name"), def.get("type")
		if name == nil || typ == nil || typ.text() == "" || in.vars.lookup(name.text()) != nil {
			continue
		}
		in.missing[name.text()] = true
		if in.first == nil {
			in.first = name
		}
	}
}

// missingNames are the names that have no value, sorted.
func (in *interpolation) missingNames() []string {
	var names []string
	for name := range in.missing {
		names = append(names, name)
	}
	slices.Sort(names)
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
		in.fail(place, err.Error(), err.fix())
		return nil
	}
	if value == nil {
		if in.first == nil {
			in.first = place
		}
		root, _, _ := strings.Cut(name, ".")
		in.missing[root] = true
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
