package stage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"wadi/spec"
	"wadi/stage/lifecycle"
)

// UnknownBuildpackError starts with Cloud Foundry's words.
type UnknownBuildpackError struct {
	Name    string
	Nearest string   // a known name that is close; "" = none is
	Known   []string // declared and built-in names
}

func (e *UnknownBuildpackError) Error() string {
	msg := fmt.Sprintf("Specified unknown buildpack name: %q", e.Name)
	if e.Nearest != "" {
		msg += fmt.Sprintf(": did you mean %q?", e.Nearest)
	}
	return msg + fmt.Sprintf(" (known: %s; a folder is written ./%s, a repository or archive with its address; others are declared with buildpack %q { source = \"…\" })",
		strings.Join(e.Known, ", "), e.Name, e.Name)
}

// BuildpackError says why a buildpack cannot be used as it is named.
type BuildpackError struct {
	Name   string
	Reason string // and what to do
}

func (e *BuildpackError) Error() string { return fmt.Sprintf("buildpack %s: %s", e.Name, e.Reason) }

// MalformedBuildpackError says what a buildpack's folder lacks.
type MalformedBuildpackError struct {
	Name   string // as the user wrote it
	Folder string
	Reason string
}

func (e *MalformedBuildpackError) Error() string {
	return fmt.Sprintf("buildpack %s: %s: %s", e.Name, e.Folder, e.Reason)
}

// unknown makes the error for a name that nobody knows.
func unknown(name string, declared map[string]spec.Buildpack) *UnknownBuildpackError {
	e := &UnknownBuildpackError{Name: name, Known: lifecycle.Builtins()}
	for d := range declared {
		if !slices.Contains(e.Known, d) {
			e.Known = append(e.Known, d)
		}
	}
	slices.Sort(e.Known)
	best := 3 // edits: more is no typing mistake
	for _, k := range e.Known {
		if d := levenshtein.Distance(strings.TrimSuffix(name, "_buildpack"), k, nil); d < min(best, len(k)) {
			best, e.Nearest = d, k
		}
	}
	return e
}
