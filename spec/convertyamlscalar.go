package spec

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

func (w *yamlWriter) scalar(src *source, n *node) *yaml.Node {
	switch n.kind {
	case kindNull:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagNull, Value: "null"}
	case kindBool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagBool, Value: strconv.FormatBool(n.b)}
	case kindInt:
		if f, ok := n.wholeValue().(float64); ok { // YAML has whole numbers of 64 bits
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagFloat, Value: strconv.FormatFloat(f, 'g', -1, 64)}
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagInt, Value: n.digit}
	case kindFloat:
		if !math.IsInf(n.f, 0) {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagFloat, Value: strconv.FormatFloat(n.f, 'g', -1, 64)}
		}
		return yamlText(n.text())
	}
	return yamlText(w.string(src, n))
}

// string is a text with ((name)) for its variables. A text that only looks
// like that cannot be said: nothing quotes it.
func (w *yamlWriter) string(src *source, n *node) string {
	if n.kind != kindString {
		return n.text()
	}
	var b strings.Builder
	var want []string
	for _, p := range w.c.pieces(n) {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		b.WriteString("((" + p.name + "))")
		want = append(want, p.name)
		root, _, _ := strings.Cut(p.name, ".")
		w.used[root] = true
	}
	found := variablePattern.FindAllStringSubmatch(b.String(), -1)
	same := len(found) == len(want)
	for i := 0; same && i < len(found); i++ {
		same = found[i][1] == want[i]
	}
	if !same {
		w.c.refuse(src, n, "a manifest would take a part of this text for a variable", "Nothing quotes (( )) there: write it in another way, or move it into a file of the source.")
	}
	return b.String()
}

// yamlText is a string as cf reads it back: quoted where YAML 1.1 would see
// something else.
func yamlText(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tagString, Value: s}
	switch {
	case strings.Contains(s, "\n") && plainLines(s):
		n.Style = yaml.LiteralStyle
	case strings.Contains(s, "\n"), resolvePlain(s).kind != kindString, s == "<<", s == "=", !printable(s):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainLines says whether a text of several lines can be written as such.
func plainLines(s string) bool {
	if strings.TrimLeft(s, " \t\n") != s {
		return false
	}
	for _, line := range strings.Split(s, "\n") {
		if strings.TrimRight(line, " \t") != line || !printable(line) {
			return false
		}
	}
	return true
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == '\uFEFF' {
			return false
		}
	}
	return true
}
