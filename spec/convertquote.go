package spec

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// hclQuoted is a string as HCL has it between quotes.
func hclQuoted(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

// hclKey is a key of an object: bare where it can be.
func hclKey(s string) string {
	switch s {
	case "for", "if", "else", "true", "false", "null":
		return hclQuoted(s)
	}
	if hclsyntax.ValidIdentifier(s) {
		return s
	}
	return hclQuoted(s)
}

// hclPiece is a part of a template: text, or an expression.
type hclPiece struct {
	text, expr string
}

// hclTemplate writes a string: alone-standing expressions as they are, several
// lines as a heredoc if the place allows one, all else between quotes. Depth
// is how far the line is indented that the heredoc begins on.
func hclTemplate(pieces []hclPiece, depth int, heredoc bool) string {
	if len(pieces) == 1 && pieces[0].expr != "" {
		return pieces[0].expr
	}
	if heredoc {
		if text, ok := hclHeredoc(pieces, depth); ok {
			return text
		}
	}
	return `"` + joinPieces(pieces, func(text string) string {
		quoted := hclQuoted(text)
		return quoted[1 : len(quoted)-1]
	}) + `"`
}

// joinPieces writes the pieces of a template, texts through escape. "$" and
// "%" before an expression would escape it, so they become one themselves.
func joinPieces(pieces []hclPiece, escape func(string) string) string {
	var b strings.Builder
	for i, p := range pieces {
		if p.expr != "" {
			b.WriteString("${" + p.expr + "}")
			continue
		}
		text, signs := p.text, ""
		if i+1 < len(pieces) {
			text = strings.TrimRight(p.text, "$%")
			signs = p.text[len(text):]
		}
		b.WriteString(escape(text))
		if signs != "" {
			b.WriteString(`${"` + signs + `"}`)
		}
	}
	return b.String()
}

var heredocEscape = strings.NewReplacer("${", "$${", "%{", "%%{")

// hclHeredoc writes several lines as an indented heredoc, if HCL would read
// them back as they are.
func hclHeredoc(pieces []hclPiece, depth int) (string, bool) {
	text := joinPieces(pieces, heredocEscape.Replace)
	body := strings.TrimSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if len(lines) < 2 {
		return "", false
	}
	flush := false // a line that starts without blanks keeps the others' blanks
	marker := "EOT"
	for _, line := range lines {
		for i, r := range line {
			if !unicode.IsPrint(r) && r != '\t' || i == 0 && unicode.Is(unicode.M, r) {
				return "", false
			}
		}
		if strings.TrimSpace(line) == marker {
			marker += "_"
		}
		flush = flush || strings.TrimLeftFunc(line, unicode.IsSpace) == line && line != ""
	}
	if !flush {
		return "", false
	}
	indent := strings.Repeat("  ", depth+1)
	var b strings.Builder
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			b.WriteString(indent)
		}
		b.WriteString(line + "\n")
	}
	end := strings.Repeat("  ", depth)
	if body == text { // a heredoc always ends with a line's end
		return fmt.Sprintf("chomp(<<-%s\n%s%s%s\n%s)", marker, b.String(), end, marker, end), true
	}
	return fmt.Sprintf("<<-%s\n%s%s%s", marker, b.String(), end, marker), true
}
