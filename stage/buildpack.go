package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"wadi/spec"
)

// builtins are the buildpacks inside the lifecycle, in the order in which
// they detect. Binary is apart: as Cloud Foundry's, it never detects.
var builtins = []string{"staticfile", "nodejs", "go", "python", "procfile"}

// Builtins are the names of all buildpacks inside the lifecycle.
func Builtins() []string { return append(slices.Clone(builtins), "binary") }

// BuildpackPin is one buildpack, pinned to what it holds now.
type BuildpackPin struct {
	// Key is the name as the user wrote it; a folder inside the project is
	// "./…" however it was written, so that the key is the same on every
	// machine. It is the buildpack_key of the result.
	Key     string
	Name    string // short: the built-in's or declared name, or the folder's
	Builtin string // the built-in's name; "" = a folder
	Digest  string // folders: Tree.Digest
	Tree    *Tree  // folders: what to package; nil for a built-in
}

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
	return msg + fmt.Sprintf(" (known: %s; a folder is written ./%s; others are declared with buildpack %q { source = \"./folder\" })",
		strings.Join(e.Known, ", "), e.Name, e.Name)
}

// UnsupportedBuildpackError says that buildpacks of this kind of source are
// not served yet. Source has no credentials in it.
type UnsupportedBuildpackError struct{ Name, Source string }

func (e *UnsupportedBuildpackError) Error() string {
	at := ""
	if e.Name != e.Source {
		at = fmt.Sprintf(" (%s)", e.Source)
	}
	return fmt.Sprintf("buildpack %s%s: archives and git repositories are not supported yet: unpack or clone it into a folder of the project and name that folder (./folder)", e.Name, at)
}

// MalformedBuildpackError says what a buildpack's folder lacks.
type MalformedBuildpackError struct {
	Name   string // as the user wrote it
	Folder string
	Reason string
}

func (e *MalformedBuildpackError) Error() string {
	return fmt.Sprintf("buildpack %s: %s: %s", e.Name, e.Folder, e.Reason)
}

// ResolveBuildpacks pins an app's buildpacks in their order. A name is, in
// this order, a declared one, a built-in (both also with "_buildpack" at the
// end), or a folder ("./x", "../x", "/x") relative to dir, the project's
// folder. No names mean detection: all built-ins that can detect. cache is
// ScanOptions.Cache. Errors: *UnknownBuildpackError, *MalformedBuildpackError,
// *UnsupportedBuildpackError, and those of Scan.
func ResolveBuildpacks(ctx context.Context, names []string, declared map[string]spec.Buildpack, dir, cache string) ([]BuildpackPin, error) {
	if len(names) == 0 {
		pins := make([]BuildpackPin, 0, len(builtins))
		for _, b := range builtins {
			pins = append(pins, BuildpackPin{Key: b, Name: b, Builtin: b})
		}
		return pins, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the project's folder: %w", err)
	}
	pins := make([]BuildpackPin, 0, len(names))
	for _, name := range names {
		pin, err := resolveBuildpack(ctx, name, declared, dir, cache)
		if err != nil {
			return nil, err
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

func resolveBuildpack(ctx context.Context, name string, declared map[string]spec.Buildpack, dir, cache string) (BuildpackPin, error) {
	short := strings.TrimSuffix(name, "_buildpack")
	for _, n := range []string{name, short} {
		if d, ok := declared[n]; ok {
			if isURL(d.Source) {
				return BuildpackPin{}, &UnsupportedBuildpackError{Name: name, Source: redact(d.Source)}
			}
			return pinFolder(ctx, BuildpackPin{Key: name, Name: n}, absolute(dir, d.Source), cache)
		}
	}
	switch {
	case slices.Contains(Builtins(), short):
		return BuildpackPin{Key: name, Name: short, Builtin: short}, nil
	case isURL(name):
		return BuildpackPin{}, &UnsupportedBuildpackError{Name: redact(name), Source: redact(name)}
	case isFolder(name):
		folder := absolute(dir, name)
		return pinFolder(ctx, BuildpackPin{Key: folderKey(dir, folder), Name: filepath.Base(folder)}, folder, cache)
	}
	return BuildpackPin{}, unknown(name, declared)
}

// isFolder reports whether the name is written as a path.
func isFolder(name string) bool {
	return name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") || filepath.IsAbs(name)
}

// scpLike is git's short form of an ssh address: git@host:owner/repository.
var scpLike = regexp.MustCompile(`^[^/\s@]+@[^/\s:]+:`)

func isURL(name string) bool { return strings.Contains(name, "://") || scpLike.MatchString(name) }

// redact takes user and password out of an address; they are left out
// altogether, since a token often stands in the user's place.
func redact(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		u.User = nil
		return u.String()
	}
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address // git@host:owner/repository has no secret in it
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
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

// pinFolder scans the buildpack in folder, or in the only folder in it, as
// archives of repositories have it.
func pinFolder(ctx context.Context, pin BuildpackPin, folder, cache string) (BuildpackPin, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return pin, &UnsupportedBuildpackError{Name: pin.Key, Source: folder}
	}
	root, err := buildpackRoot(folder)
	if err != nil {
		return pin, fmt.Errorf("buildpack %s: %w", pin.Key, err)
	}
	if root == "" {
		return pin, &MalformedBuildpackError{Name: pin.Key, Folder: folder,
			Reason: "it has no folder bin, nor a single folder that has one: name the folder that holds bin/detect and the like"}
	}
	pin.Tree, err = Scan(ctx, root, ScanOptions{Cache: cache})
	if err != nil {
		return pin, fmt.Errorf("buildpack %s: %w", pin.Key, err)
	}
	for _, e := range pin.Tree.Entries {
		if e.Type == File && !e.Executable && isScript(e.Path) {
			script := filepath.Join(root, e.Path)
			return pin, &MalformedBuildpackError{Name: pin.Key, Folder: folder,
				Reason: fmt.Sprintf("%s is not executable: run chmod +x %s", e.Path, script)}
		}
	}
	pin.Digest = pin.Tree.Digest
	return pin, nil
}

// isScript reports whether the lifecycle runs the file of that path.
func isScript(path string) bool {
	switch path {
	case "bin/detect", "bin/supply", "bin/finalize", "bin/compile", "bin/release":
		return true
	}
	return false
}

// buildpackRoot finds the folder that has bin/, "" if there is none.
func buildpackRoot(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: check the path", err)
	}
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if hasBin(folder) {
		return folder, nil
	}
	if len(entries) == 1 && entries[0].IsDir() {
		if nested := filepath.Join(folder, entries[0].Name()); hasBin(nested) {
			return nested, nil
		}
	}
	return "", nil
}

func hasBin(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, "bin"))
	return err == nil && info.IsDir()
}

// unknown makes the error for a name that nobody knows.
func unknown(name string, declared map[string]spec.Buildpack) *UnknownBuildpackError {
	e := &UnknownBuildpackError{Name: name, Known: Builtins()}
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
