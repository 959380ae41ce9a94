package stage

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"wadi/spec"
	"wadi/stage/archive"
	"wadi/stage/remote"
)

// Followed is what has to be looked at to notice that Scan of a source would
// answer something else.
type Followed struct {
	Root string // the folder or zip: absolute, links resolved
	// Keep is Scan's own choice of what counts in the folder Root; nil where
	// Root is a zip.
	Keep archive.Keep
	// Rules is the file with the ignore rules, there or not: it counts, but
	// Keep leaves it out as it is in no package. "" = there are no rules.
	Rules string
}

// Follow reads the ignore rules of a source as Scan does with the same
// options, and nothing else of it. Errors: fs.ErrNotExist, and ignore rules
// that cannot be read; then Rules says which.
func Follow(source string, o ScanOptions) (Followed, error) {
	root, info, err := resolveSource(source)
	if err != nil {
		return Followed{}, err
	}
	f := Followed{Root: root}
	if !info.IsDir() {
		return f, nil
	}
	s := &scan{source: source, root: root, o: o, exclude: excluded(root, o.Exclude), rules: parseRules("")}
	if o.Ignore {
		f.Rules = filepath.Join(root, ignoreFile)
		if s.rules, err = readRules(root); err != nil {
			return f, err
		}
	}
	f.Keep = s.keep
	return f, nil
}

// BuildpackFolders are the absolute paths of the folders and archives on the
// disk among an app's buildpacks, there or not. dir, where relative ones
// start, is absolute. An app that names no buildpack may get any that is
// declared.
func BuildpackFolders(names []string, declared map[string]spec.Buildpack, dir string) []string {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(declared))
	}
	var out []string
	for _, name := range names {
		source := ""
		if isFolder(name) {
			source = name
		}
		for _, n := range []string{strings.TrimSuffix(name, "_buildpack"), name} {
			if d, ok := declared[n]; ok {
				source = d.Source
			}
		}
		if source != "" && !remote.IsAddress(source) {
			out = append(out, absolute(dir, source))
		}
	}
	return out
}
