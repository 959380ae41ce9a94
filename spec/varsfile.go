package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Variable files that a folder brings with it, and the ending of all variable
// files in HCL.
const (
	autoVarsSuffix = ".auto.wadivars"
	varsSuffix     = ".wadivars"
)

// IsAutoVars says whether a folder's file of that name is a variable file
// that is read by itself.
func IsAutoVars(name string) bool { return strings.HasSuffix(name, autoVarsSuffix) }

// readVariables reads what is given outside of the folders.
func (l *loader) readVariables() {
	l.vars.env.env = l.options.Env
	for _, f := range l.options.VarsFiles {
		l.varsFile(&l.vars.files, f, "--vars-file")
	}
	for _, f := range l.options.ProjectVarsFiles {
		l.varsFile(&l.vars.projectFiles, f, "vars_file")
	}
	for _, flag := range l.options.Vars {
		if !l.vars.flags.addFlag(flag, "--var") {
			l.badFlag(flag, "Write --var name=value.")
		}
	}
	for _, flag := range l.options.ProjectVars {
		if !l.vars.projectFlags.addFlag(flag, "var in .wadi.yaml") {
			l.badFlag(flag, "Write name=value below var in .wadi.yaml.")
		}
	}
}

func (l *loader) badFlag(flag, fix string) {
	l.diags = append(l.diags, Diagnostic{Severity: SeverityError, Detail: fix, Summary: fmt.Sprintf("Expected var '%s' to be in format 'name=value'", flag)})
}

// varsFile reads a variable file into a layer: HCL if its name ends so, else
// YAML, as cf has it. Option is who named it.
func (l *loader) varsFile(into *layer, name, option string) {
	path := absolute(l.options.Dir, name)
	if _, err := l.fs.Stat(path); errors.Is(err, fs.ErrNotExist) {
		l.fail(path, "no such file or directory: "+path, variableFileHint(option))
		return
	}
	src := l.open(path)
	if src == nil {
		return
	}
	src.lines = nil // variable files hold secrets: their lines are not shown
	shown := projectRelative(l.options.Dir, path)
	if strings.HasSuffix(path, varsSuffix) {
		if root := l.hclVars(src); root != nil {
			into.addFile(root, src, shown)
		}
		return
	}
	root, _, err := parseYAML(src.data)
	if err == nil && root != nil && root.kind != kindMap {
		err = &yamlError{line: root.line, col: root.col, msg: "the file is " + root.kind.String() + ", not a map"}
	}
	if err != nil {
		e := asYAMLError(err)
		src.add(SeverityError, &node{line: e.line, col: e.col, width: 1},
			"The option "+option+" expects a valid YAML file. "+e.Error(), "Write one `name: value` a line.")
		return
	}
	if root != nil {
		into.addFile(root, src, shown)
	}
}

// variableFileHint says where a variable file that is not there was looked for.
func variableFileHint(option string) string {
	if option == "vars_file" {
		return "Correct vars_file in .wadi.yaml: its paths start at the folder of .wadi.yaml."
	}
	return "Check the path given with " + option + ": it starts at the working directory."
}

// hclVars reads the attributes of a variable file in HCL; nil after an error.
func (l *loader) hclVars(src *source) *node {
	if deep := tooDeep(src.data, src.path); deep.HasErrors() {
		reportTo(src, "", deep)
		return nil
	}
	file, diags := hclsyntax.ParseConfig(src.data, src.path, hcl.InitialPos)
	reportTo(src, "", diags)
	body, ok := file.Body.(*hclsyntax.Body)
	if diags.HasErrors() || !ok {
		return nil
	}
	work := &budget{left: maxWork}
	if huge := work.bound(body); huge.HasErrors() {
		reportTo(src, "", huge)
		return nil
	}
	root := &node{kind: kindMap}
	for _, b := range body.Blocks {
		n := src.nodeAt(b.DefRange())
		src.add(SeverityError, n, fmt.Sprintf("%q is not a value: variable files have no blocks", b.Type), "Write name = value; what declares variables belongs into wadi.hcl.")
		ok = false
	}
	for _, attr := range attributes(body) {
		v, diags := work.constant(attr.Expr, nil)
		for _, d := range diags {
			if len(attr.Expr.Variables()) > 0 {
				d.Detail = "A variable file holds values only: texts in quotes, numbers, true and false, lists and objects of them."
			}
		}
		reportTo(src, attr.Name, diags)
		if diags.HasErrors() {
			ok = false
			continue
		}
		key := newString(attr.Name, src.nodeAt(attr.NameRange))
		key.raw = attr.Name
		root.set(key, fromCty(v, src.nodeAt(attr.Expr.Range())))
	}
	if !ok {
		return nil
	}
	return root
}

// readAutoVars reads the variable files that lie in a folder, in the order of
// their names, for what is read there.
func (l *loader) readAutoVars(dir string) {
	if l.autoVars == nil {
		l.autoVars = map[string]layer{}
	}
	auto, known := l.autoVars[dir]
	if !known {
		entries, err := l.fs.ReadDir(dir)
		if err != nil {
			entries = nil // whoever reads the folder's other files says so
		}
		var names []string
		for _, e := range entries {
			if IsAutoVars(e.Name()) {
				names = append(names, e.Name())
			}
		}
		slices.Sort(names)
		for _, name := range names {
			l.varsFile(&auto, filepath.Join(dir, name), "")
		}
		l.autoVars[dir] = auto
	}
	l.vars.auto = auto
}

// checkFlags warns of names that were given to HCL files and that none of
// them declares. Manifests declare no variables, so with one of them nothing
// can be said. Variable files of the command line may serve several projects.
func (l *loader) checkFlags() {
	if l.declared == nil || l.manifests > 0 || l.diags.HasErrors() {
		return
	}
	checked := []layer{l.vars.flags, l.vars.projectFlags}
	for _, dir := range slices.Sorted(maps.Keys(l.autoVars)) {
		checked = append(checked, l.autoVars[dir])
	}
	for _, from := range checked {
		for _, name := range slices.Sorted(maps.Keys(from.byName)) {
			if slices.Contains(l.declared, name) {
				continue
			}
			value := from.byName[name]
			origin := value.origin
			detail := "Remove it, or declare the variable."
			if near := nearest(name, l.declared); near != "" {
				detail = fmt.Sprintf("Did you mean %s?", near)
				if origin == "--var" {
					detail = fmt.Sprintf("Did you mean --var %s=…?", near)
				}
			} else if origin == "--var" {
				detail = "Remove the flag, or declare the variable."
			}
			d := Diagnostic{Severity: SeverityWarning, Summary: fmt.Sprintf("%s %s: no file declares this variable", origin, name), Detail: detail}
			if value.file != "" {
				d.Summary = fmt.Sprintf("%s: no file declares this variable", name)
				d.File, d.Line, d.Column, d.Width, d.Field = value.file, value.key.line, value.key.col, value.key.width, name
			}
			l.diags = append(l.diags, d)
		}
	}
}
