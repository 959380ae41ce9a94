package spec

import (
	"fmt"
	"slices"
	"strings"
)

// readManifest reads a manifest.yml: the document, its variables and the
// apps that are selected.
func (l *loader) readManifest(path string) {
	if l.sources[path] != nil {
		return // given twice, by itself and with its folder
	}
	l.manifests++
	src := l.open(path)
	if src == nil {
		return
	}
	root := l.parseFile(src)
	if root == nil {
		if !l.fileFailed(path) {
			src.add(SeverityError, nil, "Manifest must have at least one application.", "The file is empty: describe an app below `applications:`.")
		}
		return
	}
	if root.kind != kindMap {
		src.add(SeverityError, root, "Manifest must have at least one application.", fmt.Sprintf("The file is %s; a manifest is a map with the key `applications`.", root.kind))
		return
	}
	root.nameFields("")
	if l.convert != nil {
		root = l.convert.manifestTree(src, root)
	} else if root = l.interpolate(src, root); root == nil {
		return
	}
	l.manifestKeys(src, root)
	l.manifestApps(src, root)
}

// interpolate replaces ((name)) by values; nil if some have none.
func (l *loader) interpolate(src *source, root *node) *node {
	in := interpolation{vars: &l.vars, missing: map[string]bool{}, fail: func(place *node, summary, detail string) {
		src.add(SeverityError, place, summary, detail)
	}}
	in.definitions(root.get("variables"))
	root = in.tree(root)
	if in.brought > maxExpanded {
		return nil // said
	}
	root.nameFields("")
	if names := in.missingNames(); len(names) > 0 {
		src.add(SeverityError, in.first, "Expected to find variables: "+strings.Join(names, ", "),
			fmt.Sprintf("Give them with --var %s=… or in a file with --vars-file.", names[0]))
		return nil
	}
	return root
}

// parseFile parses a YAML file, reporting what is wrong.
func (l *loader) parseFile(src *source) *node {
	root, notes, err := parseYAML(src.data)
	for _, note := range notes {
		src.add(SeverityWarning, &node{line: note.line, col: note.col, width: 1}, note.msg, note.fix)
	}
	if err != nil {
		e := asYAMLError(err)
		summary := e.msg
		if !strings.HasPrefix(summary, "Request invalid") {
			summary = "not valid YAML: " + summary
		}
		src.add(SeverityError, &node{line: e.line, col: e.col, width: 1}, summary, e.fix)
		return nil
	}
	return root
}

func (l *loader) fileFailed(path string) bool {
	for _, d := range l.diags {
		if d.Severity == SeverityError && d.File == path {
			return true
		}
	}
	return false
}

// manifestKeys looks at the document's own keys. Cf ignores all but
// `applications` and `version`, so that anchors may stand there.
func (l *loader) manifestKeys(src *source, root *node) {
	if v := root.get("version"); v != nil && v.kind != kindNull {
		number, problem := wholeNumber(v, true)
		if problem != "" || number != 1 && number != 0 { // the CLI drops a 0
			src.add(SeverityError, v, "Unsupported manifest schema version. Currently supported versions: [1].", "Write `version: 1` or remove the key.")
		}
	}
	known := appLevelKeys()
	for _, e := range root.entries {
		key := e.key.text()
		name := strings.ReplaceAll(key, "-", "_")
		switch {
		case key == "variables" && e.val.kind != kindList && e.val.kind != kindNull:
			src.add(SeverityError, e.val, "variables must be a list of variable definitions, for cf and bosh",
				"Values of ((name)) come from --var and --vars-file; give anything else another key.")
		case key == "variables":
			src.add(SeverityWarning, e.key, "`variables` only says which variables must be given", "Values of ((name)) come from --var and --vars-file.")
		case key == "applications" || key == "version" || e.val.holdsAnchor():
		case name != "name" && slices.Contains(known, name) || formerKeys[name] != "":
			src.add(SeverityWarning, e.key, fmt.Sprintf("`%s` is ignored: keys for all apps are not read since cf version 7", key),
				"Write it in each app, or share it by a YAML anchor.")
		default:
			src.add(SeverityWarning, e.key, fmt.Sprintf("`%s` is ignored: it is not a key of a manifest", key),
				keyFix(key, []string{"applications", "version"}))
		}
	}
}

func (l *loader) manifestApps(src *source, root *node) {
	list := root.get("applications")
	const none = "Manifest must have at least one application."
	if list == nil {
		var keys []string
		for _, e := range root.entries {
			keys = append(keys, e.key.text())
		}
		detail := "List the apps below the key `applications`."
		if near := nearest("applications", keys); near != "" {
			detail = fmt.Sprintf("The key is `applications`, here is `%s`.", near)
		}
		src.add(SeverityError, root, none, detail)
		return
	}
	if list.kind != kindList && list.kind != kindNull {
		src.add(SeverityError, list, "applications must be a list", fmt.Sprintf("Here is %s: write `- name: app` below `applications:`.", list.kind))
		return
	}
	if len(list.items) == 0 {
		src.add(SeverityError, list, none, "List the apps below the key `applications`.")
		return
	}
	for i, app := range list.items {
		if app.kind != kindMap && app.kind != kindNull {
			src.add(SeverityError, app, fmt.Sprintf("For application at index %d: an application must be a map", i), "Write `- name: app` and the app's other keys below it.")
			continue
		}
		if name, ok := l.manifestName(src, app, i, len(list.items)); ok && l.selected(name) {
			l.addApp(decodeApp(src, app, name, false))
		}
	}
}

// manifestName settles an app's name: its own, or --app for a single
// nameless one.
func (l *loader) manifestName(src *source, app *node, index, count int) (string, bool) {
	n := app.get("name")
	if n != nil && (n.kind == kindList || n.kind == kindMap) {
		src.add(SeverityError, n, fmt.Sprintf("For application at index %d: Name must be a string", index), "Write one plain value.")
		return "", false
	}
	if n != nil && n.text() != "" {
		if strings.TrimSpace(n.text()) == "" {
			src.add(SeverityError, n, fmt.Sprintf("For application at index %d: Name must not be empty", index), "Give the app a name.")
			return "", false
		}
		l.names = append(l.names, n.text())
		return n.text(), true
	}
	place := n
	if place == nil {
		place = &node{line: app.line, col: app.col, width: 1, field: app.field + ".name"}
	}
	if count > 1 {
		src.add(SeverityError, place, "Found an application with no name specified.", fmt.Sprintf("Give the app at index %d a name.", index))
		return "", false
	}
	if len(l.options.Apps) == 1 {
		l.names = append(l.names, l.options.Apps[0])
		return l.options.Apps[0], true
	}
	src.add(SeverityError, place, "Incorrect Usage: The push command requires an app name. The app name can be supplied as an argument or with a manifest.yml file.",
		"Give the app a `name`, or name it with --app.")
	return "", false
}
