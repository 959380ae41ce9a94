package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// dropRepeated leaves out the apps of a manifest that it describes again
// below: Cloud Foundry takes the last.
func (l *loader) dropRepeated() {
	type place struct{ file, name string }
	last := map[place]App{}
	for _, app := range l.doc.Apps {
		last[place{app.Pos.File, app.Name}] = app
	}
	l.doc.Apps = slices.DeleteFunc(l.doc.Apps, func(app App) bool {
		counts := last[place{app.Pos.File, app.Name}]
		if !inManifest(app) || app.Field == counts.Field {
			return false
		}
		l.clash(SeverityWarning, app.Pos, app.Field+".name", fmt.Sprintf("app %s is ignored here: the manifest describes it again", app.Name),
			"The last counts, as in Cloud Foundry: at "+l.place(counts.Pos)+"; remove or rename one of them.")
		return true
	})
}

func inManifest(app App) bool { return strings.HasPrefix(app.Field, "applications[") }

// checkApps looks at all apps together: one name, one job id and one route
// belong to one app. Cloud Foundry lets apps share a route, so that is only a
// warning of a manifest; plan refuses it.
func (l *loader) checkApps() {
	l.dropRepeated()
	names, ids, routes := map[string]App{}, map[string]App{}, map[string]claim{}
	for _, app := range l.doc.Apps {
		if first, ok := names[app.Name]; ok {
			if first.Pos == app.Pos {
				l.clash(SeverityError, app.Pos, app.Field+".name", fmt.Sprintf("for_each gives two apps the name %s", app.Name), "Make each.key part of the name, or remove the name: it is the label and the key then.")
				continue
			}
			l.clash(SeverityError, app.Pos, app.Field+".name", fmt.Sprintf("app %s is described twice", app.Name), "It is also described at "+l.place(first.Pos)+"; remove or rename one of them.")
			continue
		}
		names[app.Name] = app
		id := JobID(app.Name)
		if first, ok := ids[id]; ok {
			l.clash(SeverityError, app.Pos, app.Field+".name", fmt.Sprintf("apps %s and %s would both be the Nomad job %s", first.Name, app.Name, id),
				"The other is at "+l.place(first.Pos)+"; rename one of them.")
		}
		ids[id] = app
		if app.RouteMode != RoutesExplicit {
			continue
		}
		for i, r := range app.Routes {
			key := r.Host + ":" + strconv.Itoa(r.Port) + r.Path
			if first, ok := routes[key]; ok && first.app != app.Name {
				severity := SeverityError
				if inManifest(app) {
					severity = SeverityWarning
				}
				l.clash(severity, r.Pos, fmt.Sprintf("%s.routes[%d]", app.Field, i), fmt.Sprintf("For application '%s': route %s already belongs to app %s", app.Name, r.Route, first.app),
					"It is claimed at "+l.place(first.pos)+"; one route leads to one app.")
				continue
			}
			routes[key] = claim{app.Name, r.Pos}
		}
	}
}

type claim struct {
	app string
	pos Pos
}

func (l *loader) clash(severity Severity, pos Pos, field, summary, detail string) {
	n := &node{line: pos.Line, col: pos.Column, width: 1, field: field}
	src := l.sources[pos.File]
	if src == nil { // an app without files
		src = &source{path: pos.File, diags: &l.diags}
	}
	src.add(severity, n, summary, detail)
}

func (l *loader) place(p Pos) string {
	return fmt.Sprintf("%s:%d:%d", projectRelative(l.options.Dir, p.File), p.Line, p.Column)
}

// CheckPaths reports apps whose source is not there. Load does not: a
// manifest is valid before its jar is built, and `validate` may run anywhere.
// What deploys (plan, apply, dev) takes them as errors; validate shows them
// AsWarnings.
func CheckPaths(fsys FS, doc *Document) Diagnostics {
	var out Diagnostics
	for _, app := range doc.Apps {
		if app.Path == "" {
			continue
		}
		_, err := fsys.Stat(app.Path)
		if err == nil {
			continue
		}
		pos, ok := app.FieldPos["path"]
		if !ok {
			pos = app.Pos
		}
		d := pos.Diagnostic(SeverityError, app.Field+".path",
			fmt.Sprintf("For application '%s': File not found locally, make sure the file exists at given path %s", app.Name, app.Path),
			"Correct `path` (it starts at the folder of the file), or build the app first.")
		switch {
		case strings.Contains(app.PathWritten, `\`):
			d.Detail = "Write the path with / instead of \\."
		case strings.HasPrefix(app.PathWritten, "~"):
			d.Detail = "~ is not expanded here: write the whole path."
		}
		if !errors.Is(err, fs.ErrNotExist) {
			d.Summary = fmt.Sprintf("For application '%s': cannot read path %s: %v", app.Name, app.Path, err)
			d.Detail = "Make the path readable for this user."
		}
		out = append(out, d)
	}
	return out
}
