package spec

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// WriteText writes diagnostics for people, in the manner of hcl's writer:
// severity and summary, the source line with a caret below, the detail that
// says what to do. Files below dir are shown relative to it. The error is
// that of w.
func WriteText(w io.Writer, diags Diagnostics, dir string, color bool) error {
	var b bytes.Buffer
	for i, d := range diags {
		if i > 0 {
			b.WriteByte('\n')
		}
		writeDiagnostic(&b, d, dir, color)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeDiagnostic(b *bytes.Buffer, d Diagnostic, dir string, color bool) {
	label, code := "Error", "\x1b[31m"
	if d.Severity == SeverityWarning {
		label, code = "Warning", "\x1b[33m"
	}
	reset := "\x1b[0m"
	if !color {
		code, reset = "", ""
	}
	fmt.Fprintf(b, "%s%s%s: %s\n", code, label, reset, visible(d.Summary))
	if d.File != "" {
		fmt.Fprintf(b, "\n  on %s", visible(shortPath(d.File, dir)))
		if d.Line > 0 {
			fmt.Fprintf(b, " line %d", d.Line)
		}
		if d.Field != "" {
			fmt.Fprintf(b, ", in %s", visible(d.Field))
		}
		shown := strings.TrimSpace(d.SourceLine) != ""
		d = shortLine(d)
		if shown {
			b.WriteByte(':')
		}
		b.WriteByte('\n')
		if shown {
			fmt.Fprintf(b, "%4d: %s\n", d.Line, visible(d.SourceLine))
			fmt.Fprintf(b, "      %s%s%s%s\n", caretIndent(d), code, caret(d), reset)
		}
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "\n%s\n", visibleLines(d.Detail))
	}
}

// visible shows the control characters of a text as signs of one column: what
// a file holds may neither work on the terminal nor begin a line, which GitHub
// Actions would take for a command.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case r < 0x20:
			return '␀' + r
		case r == 0x7f:
			return '␡'
		case r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // C1; the order of writing
			return utf8.RuneError
		}
		return r
	}, text)
}

// visibleLines keeps the lines of a text that has some of its own.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	out := visible(lines[0])
	for _, line := range lines[1:] {
		if strings.HasPrefix(strings.TrimSpace(line), "::") {
			out += "␊" + visible(line)
		} else {
			out += "\n" + visible(line)
		}
	}
	return out
}

// shownLine bounds what is shown of a line: a file may be one.
const shownLine = 200

// shortLine cuts a long line to what stands around the column.
func shortLine(d Diagnostic) Diagnostic {
	line := d.SourceLine
	if len(line) <= shownLine {
		return d
	}
	start := min(max(d.Column-1-shownLine/2, 0), len(line))
	end := min(start+shownLine, len(line))
	for start > 0 && start < len(line) && !utf8.RuneStart(line[start]) {
		start--
	}
	for end < len(line) && !utf8.RuneStart(line[end]) {
		end++
	}
	before, after := "", ""
	if start > 0 {
		before = "…"
	}
	if end < len(line) {
		after = "…"
	}
	d.SourceLine, d.Column = before+line[start:end]+after, d.Column-start+len(before)
	return d
}

// caretIndent repeats the line's own tabs, so that the caret stands right
// whatever a tab's width is, and counts characters, not bytes.
func caretIndent(d Diagnostic) string {
	end := min(max(d.Column-1, 0), len(d.SourceLine))
	var b strings.Builder
	for _, r := range d.SourceLine[:end] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func caret(d Diagnostic) string {
	start := min(max(d.Column-1, 0), len(d.SourceLine))
	end := min(start+max(d.Width, 1), len(d.SourceLine))
	return strings.Repeat("^", max(len([]rune(d.SourceLine[start:end])), 1))
}

func shortPath(file, dir string) string {
	rel, err := filepath.Rel(dir, file)
	if dir == "" || err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return file
	}
	return rel
}
