package spec

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// comments are the comments of a file by the line that they belong to. Each
// is handed out once.
type comments struct {
	lead  map[int][]string // those above a line
	trail map[int]string   // that at a line's end
	last  int              // the last line
}

// claim takes the comments of a line. Texts start with "#".
func (c *comments) claim(line int) (lead []string, trail string) {
	lead, trail = c.lead[line], c.trail[line]
	delete(c.lead, line)
	delete(c.trail, line)
	return lead, trail
}

// giveBack undoes a claim.
func (c *comments) giveBack(line int, lead []string, trail string) {
	if len(lead) > 0 {
		c.lead[line] = lead
	}
	if trail != "" {
		c.trail[line] = trail
	}
}

// claimAbove takes only the comments above a line.
func (c *comments) claimAbove(line int) []string {
	lead := c.lead[line]
	delete(c.lead, line)
	return lead
}

// claimRange takes what is left from one line on to before another.
func (c *comments) claimRange(from, to int) []string {
	var out []string
	for line := from; line < to && line <= c.last; line++ {
		lead, trail := c.claim(line)
		out = append(out, lead...)
		if trail != "" {
			out = append(out, trail)
		}
	}
	return out
}

// index gives every comment that has a line of its own to the next line with
// content; those below the last have a line after it.
func (c *comments) index(alone map[int]string, content func(line int) bool, lines int) {
	c.lead = map[int][]string{}
	c.last = lines + 1
	var waiting []string
	for line, text := range c.trail {
		c.trail[line] = plainComment(text)
	}
	for line := 1; line <= lines; line++ {
		if text, ok := alone[line]; ok {
			waiting = append(waiting, plainComment(text))
		} else if content(line) && len(waiting) > 0 {
			c.lead[line], waiting = waiting, nil
		}
	}
	if len(waiting) > 0 {
		c.lead[c.last] = waiting
	}
}

// plainComment is a comment that either language takes: on one line, without
// what does not print.
func plainComment(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) && r != '\uFEFF' {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "?"))
}

var blockScalar = regexp.MustCompile(`(^|[\s:-])[|>][-+0-9]*$`)

// yamlComments finds the comments of a YAML file.
func yamlComments(lines []string) *comments {
	c := &comments{trail: map[int]string{}}
	alone := map[int]string{}
	quote := byte(0)  // that of a text over several lines
	scalarAbove := -1 // the indentation that ends a block scalar
	for i, line := range lines {
		number := i + 1
		blank := strings.TrimSpace(line) == ""
		if quote == 0 && scalarAbove >= 0 {
			if blank || indentation(line) > scalarAbove {
				continue
			}
			scalarAbove = -1
		}
		start := -1
		start, quote = yamlComment(line, quote)
		text := line
		if start >= 0 {
			text = line[:start]
			comment := strings.TrimRight(line[start:], " \t")
			if strings.TrimSpace(text) == "" {
				alone[number] = comment
				continue
			}
			c.trail[number] = comment
		}
		if text = strings.TrimRight(text, " \t"); quote == 0 && blockScalar.MatchString(text) {
			scalarAbove = parentIndentation(text)
		}
	}
	c.index(alone, func(line int) bool { return strings.TrimSpace(lines[line-1]) != "" }, len(lines))
	return c
}

// yamlComment finds where the comment of a line starts, -1 if it has none.
// Quote is the sign of a quoted text that the line begins in, and, as the
// answer, that it ends in; 0 is none.
func yamlComment(line string, quote byte) (start int, open byte) {
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case quote == '"' && ch == '\\':
			i++
		case quote == '\'' && ch == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i, 0
		case (ch == '"' || ch == '\'') && startsToken(line[:i]):
			quote = ch
		}
	}
	return -1, quote
}

// startsToken says whether a YAML value can start after this text.
func startsToken(before string) bool {
	trimmed := strings.TrimRight(before, " \t")
	if trimmed == "" {
		return true
	}
	switch trimmed[len(trimmed)-1] {
	case '[', '{', ',':
		return true
	case ':', '-', '?':
		return len(trimmed) < len(before)
	}
	return false
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// parentIndentation is how far the value's key or dash is indented.
func parentIndentation(line string) int {
	at := indentation(line)
	for strings.HasPrefix(line[at:], "- ") {
		rest := strings.TrimLeft(line[at+1:], " ")
		if rest == "" || rest[0] == '|' || rest[0] == '>' {
			break
		}
		at = len(line) - len(rest)
	}
	return at
}

// checkBlock begins a block whose attributes are keys of their own in YAML.
var checkBlock = regexp.MustCompile(`^\s*(readiness_)?health_check\s*\{`)

// hclComments finds the comments of an HCL file.
func hclComments(src *source) *comments {
	c := &comments{trail: map[int]string{}}
	tokens, _ := hclsyntax.LexConfig(src.data, src.path, hcl.InitialPos) // it was parsed before
	alone, content := map[int]string{}, map[int]bool{}
	for _, t := range tokens {
		line := t.Range.Start.Line
		switch t.Type {
		case hclsyntax.TokenComment:
			for i, text := range commentLines(string(t.Bytes)) {
				if content[line] && i == 0 {
					c.trail[line] = text
				} else {
					alone[line+i] = text
				}
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		default:
			content[line] = true
		}
	}
	c.index(alone, func(line int) bool {
		return content[line] && (line > len(src.lines) || !checkBlock.MatchString(src.lines[line-1]))
	}, len(src.lines))
	return c
}

// commentLines are the lines of a comment of HCL, with "#" for its signs.
func commentLines(text string) []string {
	text = strings.TrimRight(text, "\r\n")
	if rest, ok := strings.CutPrefix(text, "//"); ok {
		return []string{"#" + rest}
	}
	rest, ok := strings.CutPrefix(text, "/*")
	if !ok {
		return []string{text}
	}
	var out []string
	for _, line := range splitLines([]byte(strings.TrimSpace(strings.TrimSuffix(rest, "*/")))) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "*"))
		out = append(out, strings.TrimSpace("# "+line))
	}
	return out
}
