package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// expr is the expression for a key's value; false if nothing is to be said.
func (w *hclWriter) expr(n *node, k key, depth int) (string, bool) {
	if n.kind == kindNull {
		return "null", k.name == "command"
	}
	refers, whole := w.c.refers(n)
	switch k.value.kind {
	case sizeText, rateText:
		text := strings.TrimSpace(n.text())
		if _, err := strconv.Atoi(text); err == nil {
			return text, true
		}
		return w.text(n, depth, true), text != ""
	case wholeCLI, wholeCC:
		return w.whole(n, k, whole, refers)
	case yesOrNo:
		if whole {
			return w.use(n, "bool", false), true
		}
		return strconv.FormatBool(n.b), n.b || slices.Contains(names(featureTable), k.name)
	case oneWord:
		return w.word(n, k, refers)
	case listOf:
		if whole {
			return w.use(n, w.listType(k), false), true
		}
		return w.list(n, k, depth), true
	case mapOf, mapWith:
		if whole {
			return w.use(n, map[bool]string{true: "map(string)", false: "any"}[k.name == "env"], k.name == "env"), true
		}
		return w.object(n, k, depth), true
	}
	if k.name == "command" && (n.text() == "null" || n.text() == "default") {
		return "null", true
	}
	return w.template(n, depth, true, k.name == "command"), n.text() != ""
}

func (w *hclWriter) listType(k key) string {
	if len(k.value.keys) > 0 {
		return "any"
	}
	return "list(string)"
}

// whole is a whole number, as the decoder understands it.
func (w *hclWriter) whole(n *node, k key, alone, refers bool) (string, bool) {
	switch {
	case alone:
		return w.use(n, "number", false), true
	case refers:
		return "tonumber(" + w.text(n, 1, false) + ")", true
	}
	i, problem := wholeNumber(n, k.value.kind == wholeCLI)
	digits := strconv.FormatInt(i, 10)
	if k.name == "timeout" {
		return `"` + digits + `s"`, problem == "" && i != 0
	}
	return digits, problem == ""
}

// word is a value of a few known ones.
func (w *hclWriter) word(n *node, k key, refers bool) (string, bool) {
	text := n.text()
	switch {
	case refers:
		return w.text(n, 1, false), true
	case text == "none" && k.name == "health_check_type":
		text = "process"
	}
	return hclQuoted(text), slices.Contains(k.value.words, text)
}

const maxLine = 72

// list is a list of texts or of maps; on one line if it fits.
func (w *hclWriter) list(n *node, k key, depth int) string {
	lines := make([]hclLine, len(n.items))
	one := true
	width := 0
	for i, item := range n.items {
		l := &lines[i]
		l.lead, l.trail = w.notes.claim(item.line)
		l.text = w.item(item, k, depth+1)
		one = one && l.lead == nil && l.trail == "" && !strings.Contains(l.text, "\n")
		width += len(l.text) + 2
	}
	if one && (width < maxLine || len(lines) == 1) {
		texts := make([]string, len(lines))
		for i, l := range lines {
			texts[i] = l.text
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	return brackets("[", lines, ",", "]", depth)
}

func brackets(before string, lines []hclLine, after, end string, depth int) string {
	var b strings.Builder
	b.WriteString(before + "\n")
	indent := strings.Repeat("  ", depth+1)
	for _, l := range lines {
		l.text += after
		l.write(&b, indent)
	}
	b.WriteString(strings.Repeat("  ", depth) + end)
	return b.String()
}

// item is an element of a list.
func (w *hclWriter) item(n *node, k key, depth int) string {
	switch {
	case k.name == "buildpacks":
		return w.buildpack(n)
	case k.name == "":
		return w.any(n, depth)
	case n.kind != kindMap:
		if _, whole := w.c.refers(n); whole {
			return w.use(n, map[bool]string{true: "any", false: "string"}[k.name == "routes"], false)
		}
		return w.text(n, depth, false)
	}
	if len(k.value.keys) > 0 {
		if only := n.get(k.value.keys[0].name); only != nil && saysOnly(n, only) && (k.name == "routes" || k.name == "services") {
			if _, whole := w.c.refers(only); whole && k.name == "routes" {
				return w.use(only, "string", false)
			}
			return w.text(only, depth, false)
		}
	}
	return w.object(n, k, depth)
}

// saysOnly says whether a map has nothing to say beside one value.
func saysOnly(n, only *node) bool {
	for _, e := range n.entries {
		if e.val != only && e.val.kind != kindNull && (e.key.text() != "options" || e.val.kind != kindMap || len(e.val.entries) > 0) {
			return false
		}
	}
	return true
}

// buildpack is a name, a URL or a folder.
func (w *hclWriter) buildpack(n *node) string {
	if refers, _ := w.c.refers(n); refers || !isRelativeFolder(n.text()) {
		return w.text(n, 1, false)
	}
	path := absolute(w.src.dir, n.text())
	if err := checkInside(w.c.l.fs, w.c.outDir, path); err != nil {
		w.c.refuse(w.src, n, err.Error(), "Paths of HCL stay inside the folder of their file: copy the buildpack there, or use a URL.")
	}
	return hclQuoted(w.c.rebase(w.src, n.text()))
}

// object is a map.
func (w *hclWriter) object(n *node, k key, depth int) string {
	var lines []hclLine
	one := true
	seen := map[string]int{}
	for _, e := range n.entries {
		l := hclLine{}
		l.lead, l.trail = w.notes.claim(e.key.line)
		expr, ok := w.member(e, k, depth+1)
		if !ok {
			w.notes.giveBack(e.key.line, l.lead, l.trail)
			continue
		}
		if l.trail != "" && strings.Contains(expr, "\n") {
			l.lead, l.trail = append(l.lead, l.trail), ""
		}
		one = one && l.lead == nil && l.trail == "" && !strings.Contains(expr, "\n")
		l.text = w.key(e.key, k) + " = " + expr
		if i, twice := seen[e.key.text()]; twice { // 1 and "1" are two keys of YAML
			lines[i] = l
			continue
		}
		seen[e.key.text()] = len(lines)
		lines = append(lines, l)
	}
	switch {
	case len(lines) == 0:
		return "{}"
	case one && k.name != "env" && (len(lines) == 1 || k.name == "routes" || k.name == "services"):
		texts := make([]string, len(lines))
		width := 0
		for i, l := range lines {
			texts[i] = l.text
			width += len(l.text) + 2
		}
		if width < maxLine {
			return "{ " + strings.Join(texts, ", ") + " }"
		}
	}
	return brackets("{", lines, "", "}", depth)
}

func (w *hclWriter) key(n *node, k key) string {
	refers, whole := w.c.refers(n)
	switch {
	case whole:
		return "(" + w.use(n, "string", false) + ")"
	case refers:
		return w.text(n, 1, false)
	case len(k.value.keys) > 0:
		if known, ok := keyOf(k.value.keys, n.text()); ok {
			return known.name
		}
	}
	return hclKey(w.valid(n, n.text()))
}

// member is the value of a map's entry; false if it says nothing.
func (w *hclWriter) member(e entry, k key, depth int) (string, bool) {
	if len(k.value.keys) > 0 {
		known, ok := keyOf(k.value.keys, e.key.text())
		if !ok {
			return "", false // told by the decoder
		}
		if known.name == "options" && len(e.val.entries) == 0 && e.val.kind == kindMap {
			return "", false
		}
		return w.expr(e.val, known, depth)
	}
	switch k.name {
	case "env":
		return w.envValue(e.val, depth), true
	case "labels", "annotations":
		if e.val.kind == kindNull {
			return "null", true
		}
		return w.text(e.val, depth, true), true
	}
	return w.any(e.val, depth), true
}

// envValue is a value of the environment: the text that the app gets.
func (w *hclWriter) envValue(n *node, depth int) string {
	switch n.kind {
	case kindNull:
		return `""`
	case kindBool, kindInt:
		return n.text()
	case kindList, kindMap:
		if w.c.anyRefers(n) {
			return w.any(n, depth)
		}
		return hclQuoted(w.valid(n, n.inspect()))
	}
	if _, whole := w.c.refers(n); whole {
		return w.use(n, "string", true)
	}
	return w.secretText(n, depth, true)
}

// any is a value of any kind.
func (w *hclWriter) any(n *node, depth int) string {
	switch n.kind {
	case kindNull:
		return "null"
	case kindBool, kindInt:
		return n.text()
	case kindFloat:
		if math.IsNaN(n.f) || math.IsInf(n.f, 0) {
			return hclQuoted(n.text())
		}
		return strconv.FormatFloat(n.f, 'g', -1, 64)
	case kindList:
		return w.list(n, key{value: value{kind: listOf}}, depth)
	case kindMap:
		return w.object(n, key{value: value{kind: mapOf}}, depth)
	}
	if _, whole := w.c.refers(n); whole {
		return w.use(n, "any", true)
	}
	return w.secretText(n, depth, true)
}

// text is a string with the variables in it.
func (w *hclWriter) text(n *node, depth int, heredoc bool) string {
	return w.template(n, depth, heredoc, false)
}

// secretText is the same in a place where nobody sees it.
func (w *hclWriter) secretText(n *node, depth int, heredoc bool) string {
	return w.template(n, depth, heredoc, true)
}

func (w *hclWriter) template(n *node, depth int, heredoc, secret bool) string {
	if n.kind != kindString {
		return hclQuoted(n.text())
	}
	var pieces []hclPiece
	for _, p := range w.c.pieces(n) {
		if p.name != "" {
			pieces = append(pieces, hclPiece{expr: w.vars.use(p.name, "string", secret)})
		} else {
			pieces = append(pieces, hclPiece{text: w.valid(n, p.text)})
		}
	}
	return hclTemplate(pieces, depth, heredoc)
}

// use is a reference to the variable that a value is.
func (w *hclWriter) use(n *node, typ string, secret bool) string {
	return w.vars.use(w.c.pieces(n)[0].name, typ, secret)
}

// valid reports texts that HCL changes or does not take.
func (w *hclWriter) valid(n *node, text string) string {
	switch {
	case !utf8.ValidString(text):
		w.c.refuse(w.src, n, "the value is not UTF-8, which HCL does not take", "Give it as base64, and let the app decode it.")
	case cty.NormalizeString(text) != text:
		w.c.leave(w.src, n, fmt.Sprintf("HCL reads %.40q with its accents composed (Unicode NFC)", text), "The app gets other bytes than before; write the composed form in the manifest too.")
	}
	return text
}
