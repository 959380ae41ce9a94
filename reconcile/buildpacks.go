package reconcile

import (
	"errors"
	"fmt"

	"wadi/spec"
	"wadi/stage"
)

// wrongBuildpacks tells what is wrong with each of an app's buildpacks, where
// the files name it.
func wrongBuildpacks(app spec.App, err error) spec.Diagnostics {
	var wrong stage.PinErrors
	if !errors.As(err, &wrong) {
		return spec.Diagnostics{at(app, buildpackField(app, -1), spec.SeverityError, fmt.Sprintf("app %q: %v", app.Name, err), "")}
	}
	var diags spec.Diagnostics
	for _, e := range wrong {
		hint := ""
		var hinter interface{ Hint() string }
		if errors.As(e, &hinter) {
			hint = hinter.Hint()
		}
		diags = append(diags, at(app, buildpackField(app, e.Index), spec.SeverityError, fmt.Sprintf("app %q: %v", app.Name, e), hint))
	}
	return diags
}

// buildpackField is the key that names a buildpack: one of a list, the list
// where a variable stands for all of it, or the key that manifests had before.
func buildpackField(app spec.App, i int) string {
	for _, field := range []string{fmt.Sprintf("buildpacks[%d]", i), "buildpacks", "buildpack"} {
		if _, ok := app.FieldPos[field]; ok {
			return field
		}
	}
	return "buildpacks"
}
