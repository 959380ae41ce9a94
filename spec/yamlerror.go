package spec

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// yamlError is a fault in a YAML document, at a line (0 = not known).
type yamlError struct {
	line, col int
	msg, fix  string
}

func (e *yamlError) Error() string {
	if e.line > 0 {
		return fmt.Sprintf("line %d: %s", e.line, e.msg)
	}
	return e.msg
}

var yamlErrorLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?(?s:(.*))$`)

// syntaxError turns the parser's error into ours. The library has the line
// in its text only.
func syntaxError(data []byte, err error) *yamlError {
	m := yamlErrorLine.FindStringSubmatch(err.Error())
	e := &yamlError{col: 1, msg: strings.TrimSpace(m[2]), fix: "Correct the YAML at this line or just above it."}
	e.line, _ = strconv.Atoi(m[1])
	lines := splitLines(data)
	if name := unknownAnchor.FindStringSubmatch(e.msg); name != nil {
		e.line, e.col = findAlias(lines, name[1])
		e.fix = fmt.Sprintf("Write &%s before what *%s stands for; anchors of other files do not count.", name[1], name[1])
		return e
	}
	if e.line > 0 && e.line <= len(lines) && looksLikeTemplate(lines[e.line-1]) {
		e.fix = fixTemplate
		return e
	}
	for i, line := range lines {
		switch trimmed := strings.TrimLeft(line, " "); {
		case strings.HasPrefix(trimmed, "\t") && strings.TrimSpace(trimmed) != "":
			e.line, e.col = i+1, len(line)-len(trimmed)+1
			e.fix = "YAML does not allow tabs for indentation: replace the tab by blanks."
		case strings.HasPrefix(line, "<<<<<<< ") || line == "=======" || strings.HasPrefix(line, ">>>>>>> "):
			e.line = i + 1
			e.fix = "This is a conflict marker of git: resolve the merge first."
		case looksLikeTemplate(line):
			e.line, e.col = i+1, 1
			e.fix = fixTemplate
		default:
			continue
		}
		return e
	}
	e.line = min(max(e.line, 1), max(len(lines), 1)) // the library leaves out the first line
	if strings.HasPrefix(e.msg, "did not find expected") {
		e.line = whereItFails(data, e)
	}
	return e
}

// whereItFails is the line at which the parser gives up. For what it misses
// it tells the line of what it was reading, which may be far above; it stops
// at its first error, so the shortest beginning of the file with the same
// error ends with the line that is wrong.
func whereItFails(data []byte, e *yamlError) int {
	var ends []int
	for at, b := range data {
		if b == '\n' || at == len(data)-1 {
			ends = append(ends, at+1)
		}
	}
	if e.line < 1 || e.line > len(ends) {
		return e.line
	}
	return e.line + sort.Search(len(ends)-e.line, func(n int) bool {
		var doc yaml.Node
		err := yaml.Unmarshal(data[:ends[e.line-1+n]], &doc)
		return err != nil && strings.HasSuffix(err.Error(), e.msg)
	})
}

var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)

// findAlias looks for an alias whose place the parser does not tell.
func findAlias(lines []string, name string) (line, column int) {
	alias := regexp.MustCompile(`(^|[\s,\[{:-])(\*` + regexp.QuoteMeta(name) + `)($|[\s,\]}])`)
	for i, text := range lines {
		if at := alias.FindStringSubmatchIndex(text); at != nil && !strings.HasPrefix(strings.TrimSpace(text), "#") {
			return i + 1, at[4] + 1
		}
	}
	return 0, 1
}

const fixTemplate = "This looks like a template: render it first, or use ((variables)) and --var."

func looksLikeTemplate(line string) bool {
	return strings.Contains(line, "{{") || strings.Contains(line, "<%") || strings.Contains(line, "{%")
}

func invalidUTF8(data []byte) *yamlError {
	e := &yamlError{line: 1, col: 1, msg: "Request invalid due to parse error: Invalid UTF-8 encoding in YAML data",
		fix: "Save the file as UTF-8."}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		e.col += size
		if r == '\n' {
			e.line, e.col = e.line+1, 1
		}
		data = data[size:]
	}
	return e
}

func asYAMLError(err error) *yamlError {
	var e *yamlError
	if errors.As(err, &e) {
		return e
	}
	return &yamlError{msg: err.Error()}
}
