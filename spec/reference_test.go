package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const referenceHead = `# Reference

Every key of manifest.yml and of HCL. [Files](files.md) explains what they are for. This page is made from the tables
that the parser reads, and a test keeps it true: ` + "`go test ./spec -run TestReferenceIsFresh -update`" + ` writes it.

- What says "not served yet" is accepted by ` + "`wadi validate`" + ` and refused by ` + "`wadi plan`" + `.
- The keys of an app and of a process may be written with ` + "`-` or `_`" + ` in a manifest, in HCL with ` + "`_`" + `.
- A size is a number and, without a blank, a unit: ` + "`256M`, `1.5G`" + `. Seconds are whole numbers; HCL takes ` + "`\"90s\"` and `\"2m\"`" + ` too.
- In a manifest any value may be a ` + "`((variable))`" + `, in HCL any expression.
`

// referenceSections are the tables of the page.
var referenceSections = []struct {
	title, intro string
	keys         []key
}{
	{"A manifest", "", documentTable},
	{"A file of HCL", "", fileTable},
	{"An app", "An element of `applications`, or `app \"NAME\" { }`.", appTable},
	{"A process", "An element of `processes`, or `process \"TYPE\" { }`. In an app itself these configure its `web` process.", processEntryTable},
	{"A route", "An element of `routes`.", routeTable},
	{"Options of a route", "", routeOptionTable},
	{"A binding", "An element of `services`. One that is only a text is the `name`.", serviceTable},
	{"A sidecar", "An element of `sidecars`, or `sidecar \"NAME\" { }`.", sidecarTable},
	{"A Docker image", "`docker`.", dockerTable},
	{"Metadata", "`metadata`.", metadataTable},
	{"Features", "`features`.", featureTable},
	{"Deployments", "`deploy { }` in an app.", deployTable},
	{"The version of wadi", "`wadi { }`.", wadiTable},
	{"Variables", "`variable \"NAME\" { }`.", variableTable},
	{"Rules for variables", "`validation { }` in a `variable`.", validationTable},
	{"Stacks", "`stack \"NAME\" { }`.", stackTable},
	{"Rules for nodes", "`constraint { }` in a `stack`, a `process`, or an app for its `web`.", constraintTable},
	{"Buildpacks", "`buildpack \"NAME\" { }`.", buildpackTable},
	{"Service instances", "`service_instance \"NAME\" { }`.", serviceInstanceTable},
}

func referencePage() []byte {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, s := range referenceSections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.intro != "" {
			b.WriteString(s.intro + "\n\n")
		}
		writeKeys(&b, s.keys)
	}
	return []byte(b.String())
}

// writeKeys writes one table; the column of a language that has none of the
// keys is left out.
func writeKeys(b *strings.Builder, keys []key) {
	inYAML, inHCL := len(manifestNames(keys)) > 0, len(hclAttributes(keys))+len(hclBlocks(keys)) > 0
	row := func(yaml, hcl string, cells ...string) {
		if inHCL {
			cells = append([]string{hcl}, cells...)
		}
		if inYAML {
			cells = append([]string{yaml}, cells...)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	row("manifest.yml", "HCL", "value", "if not said", "what it does")
	row("---", "---", "---", "---", "---")
	for _, k := range keys {
		initial, doc := k.initial, k.doc
		if k.needed {
			initial = "must be there"
		}
		if k.unserved != "" {
			doc += " **Not served yet:** " + k.unserved + "."
		}
		row(code(k.writtenYAML()), spellingHCL(k), referenceValue(k), initial, doc)
	}
}

// referenceValue says what a value may be, with a link to the keys inside it.
func referenceValue(k key) string {
	title := sectionOf(k.value.keys)
	if title == "" {
		return valueText(k.value)
	}
	text := k.value.prose
	if text == "" {
		text = "map"
	}
	return fmt.Sprintf("[%s](#%s)", text, strings.ReplaceAll(strings.ToLower(title), " ", "-"))
}

// sectionOf is the title of the section about some keys.
func sectionOf(keys []key) string {
	for _, s := range referenceSections {
		if len(keys) > 0 && keys[0].doc == s.keys[0].doc {
			return s.title
		}
	}
	return ""
}

func code(word string) string {
	if word == "" {
		return "–"
	}
	return "`" + word + "`"
}

// spellingHCL is how a key looks in HCL.
func spellingHCL(k key) string {
	block, attribute, nested := strings.Cut(k.attribute(), ".")
	switch {
	case k.block != "" && (k.value.kind == listOf || topBlocks[k.block] == 1):
		return code(k.block + ` "…" { }`)
	case k.block != "":
		return code(k.block + " { }")
	case nested:
		return code(block + " { " + attribute + " }")
	}
	return code(k.attribute())
}

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	generated(t, "reference.md", referencePage())
}

// TestEveryKeyIsExplained keeps the tables complete.
func TestEveryKeyIsExplained(t *testing.T) {
	t.Parallel()
	for _, s := range referenceSections {
		seen := map[string]bool{}
		for _, k := range s.keys {
			if k.name == "" || k.doc == "" || !strings.HasSuffix(k.doc, ".") || seen[k.name] {
				t.Errorf("%s: the key %q has no text of its own, or stands there twice", s.title, k.name)
			}
			seen[k.name] = true
			if len(k.value.keys) > 0 && sectionOf(k.value.keys) == "" {
				t.Errorf("%s: the keys of %s have no section: add their table to referenceSections", s.title, k.name)
			}
		}
	}
	for block := range topBlocks {
		if !slices.Contains(hclBlocks(fileTable), block) {
			t.Errorf("the block %s is in no table", block)
		}
	}
}
