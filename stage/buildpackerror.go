package stage

import (
	"errors"
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
	return msg + fmt.Sprintf(" (known: %s)", strings.Join(e.Known, ", "))
}

// Hint says how a buildpack of that name can be had.
func (e *UnknownBuildpackError) Hint() string {
	block := fmt.Sprintf("\n\n  buildpack %q {\n    source = \"…\"\n  }", e.Name)
	if repository := releasedBy(e.Name); repository != "" {
		return fmt.Sprintf("Cloud Foundry's own is not built in. Give the name to an archive of https://github.com/cloudfoundry/%s/releases, in a wadi.hcl beside the app's file:%s", repository, block)
	}
	return fmt.Sprintf("A folder is written ./%s, a repository or archive with its address. Any other name is given by a wadi.hcl beside the app's file:%s", e.Name, block)
}

// released are the buildpacks that every Cloud Foundry has and that are not
// built in here, with the repositories that release them.
var released = map[string]string{
	"apt": "apt-buildpack", "dotnet_core": "dotnet-core-buildpack", "java": "java-buildpack", "nginx": "nginx-buildpack",
	"php": "php-buildpack", "r": "r-buildpack", "ruby": "ruby-buildpack",
}

func releasedBy(name string) string {
	return released[strings.TrimSuffix(strings.TrimSuffix(name, "_offline"), "_buildpack")]
}

// PinError is what is wrong with one of an app's buildpacks.
type PinError struct {
	Index int // in BuildpackNames.Names, or in detection's order
	Err   error
}

func (e PinError) Error() string { return e.Err.Error() }
func (e PinError) Unwrap() error { return e.Err }

// PinErrors is all that is wrong with the buildpacks of an app, in their order.
type PinErrors []PinError

func (es PinErrors) Error() string {
	return errors.Join(es.Unwrap()...).Error()
}

func (es PinErrors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
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
