package stage

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"wadi/spec"
	"wadi/stage/lifecycle"
)

// declared finds the buildpack block for a name. One of another stack is as
// if it was not there, unless nothing else has the name.
func (b *Buildpacks) declared(name, stack string) (d spec.Buildpack, ok bool, err error) {
	short := strings.TrimSuffix(name, "_buildpack")
	for _, n := range []string{name, short} {
		d, ok := b.Declared[n]
		switch {
		case !ok:
		case d.Disabled:
			return d, false, &BuildpackError{Name: name, Reason: fmt.Sprintf("it is disabled at %s:%d: remove enabled = false there, or name another", d.Pos.File, d.Pos.Line)}
		case onStack(d, stack):
			return d, true, nil
		case !slices.Contains(lifecycle.Builtins(), short):
			return d, false, &BuildpackError{Name: name, Reason: fmt.Sprintf("it is for stack %q (%s:%d), and the app is for %q: change one of the two, or name another", d.Stack, d.Pos.File, d.Pos.Line, stack)}
		}
	}
	return spec.Buildpack{}, false, nil
}

// neverDetects is the built-in that has to be named, as in Cloud Foundry.
const neverDetects = "binary"

func onStack(d spec.Buildpack, stack string) bool { return d.Stack == "" || d.Stack == stack }

// detectOrder are the names of the buildpacks that are asked, in their order,
// where an app names none: the built-in ones that can detect, or what is
// declared in their names, with those declared with a position put at that
// place, counted from 1. Others are used by name alone: asking one means to
// download it.
func (b *Buildpacks) detectOrder(stack string) []string {
	order := slices.DeleteFunc(lifecycle.Builtins(), func(name string) bool { return name == neverDetects || b.Declared[name].Disabled })
	placed := slices.DeleteFunc(slices.Collect(maps.Values(b.Declared)), func(d spec.Buildpack) bool {
		return d.Position == 0 || d.Disabled || !onStack(d, stack)
	})
	slices.SortFunc(placed, func(x, y spec.Buildpack) int {
		// of two for one place the first by name goes in last, before the other
		return cmp.Or(cmp.Compare(x.Position, y.Position), strings.Compare(y.Name, x.Name))
	})
	for _, d := range placed {
		order = slices.DeleteFunc(order, func(name string) bool { return name == d.Name })
	}
	for _, d := range placed {
		order = slices.Insert(order, min(d.Position-1, len(order)), d.Name)
	}
	return order
}

// isFolder reports whether the name is written as a path.
func isFolder(name string) bool {
	return name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") || filepath.IsAbs(name)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// folderKey names a folder: "./…" in the project, else its absolute path.
func folderKey(dir, folder string) string {
	rel, err := filepath.Rel(dir, folder)
	if err != nil || !filepath.IsLocal(rel) {
		return folder
	}
	return "./" + filepath.ToSlash(rel)
}
