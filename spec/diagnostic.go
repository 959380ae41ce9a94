package spec

import (
	"fmt"
	"strings"
)

// Severity of a diagnostic.
type Severity string

// The severities: only errors make a document invalid.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is one thing to say about the files. Summary says what is wrong
// (in Cloud Foundry's words where it has any), Detail why and what to do.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail,omitempty"`
	File     string   `json:"file,omitempty"`   // absolute
	Line     int      `json:"line,omitempty"`   // from 1; 0 = the whole file
	Column   int      `json:"column,omitempty"` // from 1, in bytes
	// Field is the path of the key: "applications[0].memory" in a manifest,
	// "app.shop.process.web.memory" in HCL.
	Field string `json:"field,omitempty"`

	// SourceLine is the text of the line and Width the number of bytes from
	// Column on that it is about, for WriteText.
	SourceLine string `json:"-"`
	Width      int    `json:"-"`
}

// Diagnostics is a list of diagnostics, in file order.
type Diagnostics []Diagnostic

// HasErrors says whether one of them is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == SeverityError {
			return true
		}
	}
	return false
}

// Errors answers the errors without the warnings.
func (ds Diagnostics) Errors() Diagnostics {
	var out Diagnostics
	for _, d := range ds {
		if d.Severity == SeverityError {
			out = append(out, d)
		}
	}
	return out
}

// AsWarnings answers a copy in which every error is a warning, for findings
// that only matter once something is deployed (see CheckPaths).
func (ds Diagnostics) AsWarnings() Diagnostics {
	out := make(Diagnostics, len(ds))
	for i, d := range ds {
		d.Severity = SeverityWarning
		out[i] = d
	}
	return out
}

// Error is the text of all errors, one a line; Diagnostics with errors can be
// returned as an error.
func (ds Diagnostics) Error() string {
	var b strings.Builder
	for i, d := range ds.Errors() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(d.String())
	}
	return b.String()
}

// String is the diagnostic on one line: position, summary, detail.
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File)
		if d.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
		}
		b.WriteString(": ")
	}
	b.WriteString(d.Summary)
	if d.Detail != "" {
		b.WriteString(" (" + d.Detail + ")")
	}
	return b.String()
}
