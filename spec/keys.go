package spec

import (
	"slices"
	"strings"
)

// key is one word that files may have. The tables of keys (keytable.go,
// hclkeytable.go) are what the parser knows; the JSON Schema of manifest.yml and
// docs/reference.md are made from them.
type key struct {
	name string // with "_": as the parser and the paths of the model have it
	// yaml is how people write it in a manifest: "" is as name, "-" is that a
	// manifest does not have it.
	yaml string
	// hcl is the same for HCL: "health_check.type" is an attribute of a block.
	hcl string
	// block is the HCL block that stands for the key, in place of hcl.
	block string
	// needed keys must be there. Listed keys stand in `processes` only, not in
	// the app for its web process.
	needed, listed bool

	value   value
	initial string // what holds where the files say nothing
	doc     string // what it does, in Markdown
	// unserved is what of it plan refuses, "" if nothing.
	unserved string
}

// valueKind says what a value may be.
type valueKind int

const (
	anyText    valueKind = iota // what has a text: numbers and booleans become theirs
	strictText                  // a string
	sizeText                    // ParseSize
	rateText                    // a size a second, or -1
	wholeCLI                    // a number that cf's CLI decodes (see numberRule)
	wholeCC                     // a number that the Cloud Controller decodes
	yesOrNo
	oneWord // one of value.words
	urlPath
	listOf   // of strings, of maps with value.keys, or of either
	mapOf    // of names to values
	mapWith  // with value.keys
	anything // HCL decides by its declaration
)

// value is what a key may be set to. Min and max bound numbers, the
// characters of texts and the entries of lists and maps; max 0 is no bound.
type value struct {
	kind     valueKind
	min, max int64
	orNull   bool // null counts as not said
	words    []string
	items    *value // what lists and maps hold
	keys     []key
	closed   bool // other keys than these are an error, not only ignored
	// prose is what the reference page says where the rest does not say it all.
	prose string
}

// writtenYAML is how people write the key in a manifest, "" if it is none.
func (k key) writtenYAML() string { return written(k.yaml, k.name) }

// attribute is the key's name in HCL, "" if it is a block there or nothing.
func (k key) attribute() string {
	if k.block != "" {
		return ""
	}
	return written(k.hcl, k.name)
}

func written(spelling, name string) string {
	switch spelling {
	case "":
		return name
	case "-":
		return ""
	}
	return spelling
}

// names are the names of keys.
func names(keys []key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.name
	}
	return out
}

// manifestNames are the names of the keys that a manifest has.
func manifestNames(keys []key) []string {
	var out []string
	for _, k := range keys {
		if k.writtenYAML() != "" {
			out = append(out, k.name)
		}
	}
	return out
}

// hclAttributes are the attributes that stand in the block itself.
func hclAttributes(keys []key) []string {
	var out []string
	for _, k := range keys {
		if a := k.attribute(); a != "" && !strings.Contains(a, ".") {
			out = append(out, a)
		}
	}
	return out
}

// hclBlocks are the blocks that stand for keys, and those that hold the
// attributes of some.
func hclBlocks(keys []key) []string {
	var out []string
	for _, k := range keys {
		block, _, nested := strings.Cut(k.attribute(), ".")
		if k.block != "" {
			block, nested = k.block, true
		}
		if nested && !slices.Contains(out, block) {
			out = append(out, block)
		}
	}
	return out
}

// nested answers the attributes of a block that holds some keys, in order,
// and the name of the key that each is.
func nested(keys []key, block string) (attributes []string, nameOf map[string]string) {
	nameOf = map[string]string{}
	for _, k := range keys {
		if a, ok := strings.CutPrefix(k.attribute(), block+"."); ok {
			attributes, nameOf[a] = append(attributes, a), k.name
		}
	}
	return attributes, nameOf
}

// numberOf is the rule of a whole number in a table; label begins its errors.
func numberOf(keys []key, name, label string) numberRule {
	for _, k := range keys {
		if k.name == name {
			return numberRule{label: label, min: k.value.min, max: k.value.max, cli: k.value.kind == wholeCLI}
		}
	}
	panic("no key " + name + " in the table")
}
