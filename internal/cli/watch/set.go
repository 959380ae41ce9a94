package watch

import (
	"io/fs"
	"path/filepath"
	"strings"

	"wadi/stage/archive"
)

// Set is what is watched.
type Set struct {
	// Files are absolute paths of single files, or of what may become one:
	// they need not exist. Where one is a link, what it links to counts too.
	Files []string
	// Trees are folders that are watched with what is below them.
	Trees []Tree
}

// Tree is a folder of which some counts.
type Tree struct {
	Root string // absolute, links resolved
	// Keep says what counts, and into which folders to look at all.
	Keep archive.Keep
}

// resolved is the set as the file system's events name things: no path has a
// link in its folder.
func (s Set) resolved() Set {
	out := Set{Trees: s.Trees}
	seen := map[string]bool{}
	add := func(path string) {
		if !seen[path] {
			seen[path] = true
			out.Files = append(out.Files, path)
		}
	}
	for _, file := range s.Files {
		folder, rest := existing(filepath.Dir(file))
		add(filepath.Join(folder, rest, filepath.Base(file)))
		if target, err := filepath.EvalSymlinks(file); err == nil {
			add(target)
		}
	}
	for _, t := range s.Trees {
		add(t.Root) // it may go and come back
	}
	return out
}

// existing is the nearest folder on the way to path that exists, links
// resolved, and what is left of the path.
func existing(path string) (folder, rest string) {
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return real, rest
		}
		parent := filepath.Dir(path)
		if parent == path {
			return path, rest
		}
		path, rest = parent, filepath.Join(filepath.Base(path), rest)
	}
}

// counts says whether a change of path is one of the set's. Mode is the type
// of what is there now; gone means that nothing is. The set is resolved.
func (s Set) counts(path string, mode fs.FileMode, gone bool) bool {
	for _, file := range s.Files {
		// a folder on the way to the file may have come or gone with it
		if file == path || below(path, file) && (gone || mode.IsDir()) {
			return true
		}
	}
	if leftByEditor(filepath.Base(path)) {
		return false
	}
	for _, t := range s.Trees {
		if t.counts(path, mode, gone) {
			return true
		}
	}
	return false
}

func (t Tree) counts(path string, mode fs.FileMode, gone bool) bool {
	if !below(t.Root, path) {
		return false
	}
	rel, err := filepath.Rel(t.Root, path)
	if err != nil {
		return false
	}
	rel = filepath.ToSlash(rel)
	for i := range len(rel) {
		if rel[i] == '/' && !t.enters(rel[:i]) {
			return false
		}
	}
	if include, _ := t.Keep(rel, mode.Type()); include {
		return true
	}
	return (gone || mode.IsDir()) && t.enters(rel)
}

func (t Tree) enters(rel string) bool {
	_, enter := t.Keep(rel, fs.ModeDir)
	return enter
}

// below says whether path is inside of the folder.
func below(folder, path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/") && path != folder
}

// leftByEditor says whether a name is one that editors use for a moment, or
// as long as a file is open: vim's swap and test files, Emacs' locks and
// automatic saves, backups, those of JetBrains and GNOME. To open a file is no
// change.
func leftByEditor(name string) bool {
	switch {
	case name == "4913", strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), strings.HasPrefix(name, ".goutputstream-"),
		strings.HasSuffix(name, "___jb_tmp___"), strings.HasSuffix(name, "___jb_old___"):
		return true
	case strings.HasPrefix(name, "#"):
		return len(name) > 1 && strings.HasSuffix(name, "#")
	case strings.HasPrefix(name, "."):
		ext := filepath.Ext(name)
		return len(ext) == 4 && strings.HasPrefix(ext, ".sw") && ext[3] >= 'a' && ext[3] <= 'z'
	}
	return false
}
