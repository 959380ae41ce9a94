package reconcile

import (
	"fmt"
	"slices"

	"wadi/spec"
	"wadi/stage/lifecycle"
)

// checkDroplet finds what the files and what staging found do not make
// together. An image that starts nothing was refused by the plan.
func checkDroplet(d desired, result lifecycle.Result) error {
	if result.Image != nil {
		return nil
	}
	if err := checkCommands(d, result); err != nil {
		return err
	}
	if diags := checkBroughtSidecars(d, result.Sidecars); len(diags) > 0 {
		return diags
	}
	return nil
}

// checkBroughtSidecars holds the sidecars that buildpacks bring to those of
// the files: each has a name of its own, and all share the process's memory.
func checkBroughtSidecars(d desired, brought []lifecycle.Sidecar) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, s := range brought {
		if slices.ContainsFunc(d.App.Sidecars, func(own spec.Sidecar) bool { return own.Name == s.Name }) {
			diags = append(diags, at(d.App, "sidecars", spec.SeverityError,
				fmt.Sprintf("For application '%s': Buildpack defined sidecar '%s' conflicts with an existing user-defined sidecar. Consider renaming '%[2]s'.", d.App.Name, s.Name),
				"A buildpack brings a sidecar of that name: give the one of the files another, or leave it out if both do the same."))
		}
	}
	return append(diags, checkSidecarMemory(d.App, d.Processes, brought)...)
}

// checkCommands finds processes with instances and no start command: the
// files have none and the droplet brings none.
func checkCommands(d desired, result lifecycle.Result) error {
	for _, p := range d.Processes {
		if p.Command.Text != "" || result.ProcessTypes[p.Type] != "" || *p.Instances == 0 {
			continue
		}
		return &NoCommandError{App: d.App.Name, Process: p.Type, Position: position(d)}
	}
	return nil
}

func position(d desired) string {
	if d.App.Pos.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", d.App.Pos.File, d.App.Pos.Line)
}

// NoCommandError is a process that nobody gave a start command.
type NoCommandError struct{ App, Process, Position string }

func (e *NoCommandError) Error() string {
	return fmt.Sprintf("%sStart command not specified: process %q has none in the files, and the droplet brings none", e.Position, e.Process)
}

// Hint says what to do next.
func (e *NoCommandError) Hint() string {
	return "give the process a `command`, or put a Procfile with a line `" + e.Process + ": …` beside the source"
}
