package reconcile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wadi/spec"
)

// checkFeatures tells of the features that nothing switches: shells are a
// matter of Nomad's rights, and revisions are always kept.
func checkFeatures(app spec.App) spec.Diagnostics {
	var diags spec.Diagnostics
	if app.Features["ssh"] {
		diags = append(diags, at(app, "features.ssh", spec.SeverityError, fmt.Sprintf("app %q: feature ssh is not supported yet", app.Name),
			"Take it out of the files to go on without it: `wadi ssh` needs no feature."))
	}
	for _, f := range []struct{ name, why string }{
		{"ssh", "Who may open a shell is a matter of Nomad's ACL (alloc-exec)."},
		{"revisions", "wadi keeps revisions always."},
	} {
		if on, said := app.Features[f.name]; said && !on {
			diags = append(diags, at(app, "features."+f.name, spec.SeverityWarning, fmt.Sprintf("app %q: feature %s cannot be switched off", app.Name, f.name), f.why))
		}
	}
	return diags
}

var processEntry = regexp.MustCompile(`^processes\[\d+\]\.`)

// processField is the field of the app that says a key of a process: the
// app's own for web, or one below the process.
func processField(app spec.App, processType, key string) string {
	var fields []string
	for field := range app.FieldPos {
		name := strings.ReplaceAll(field, "-", "_")
		if name == key && processType == spec.WebProcess || name == "process."+processType+"."+key ||
			name == processEntry.FindString(name)+key && name != key {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return "processes"
	}
	return slices.Min(fields)
}
