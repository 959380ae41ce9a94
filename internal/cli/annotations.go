package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"wadi/spec"
)

// github is where a run of GitHub Actions works. Its zero value annotates
// nothing.
type github struct {
	on        bool
	workspace string // where the repository was checked out, or a folder above
	dir       string // the working directory
}

// githubFrom asks the environment whether this is a run of GitHub Actions, or
// of what behaves like it (Gitea, Forgejo, act).
func githubFrom(env func(string) string, dir string) github {
	return github{on: env("GITHUB_ACTIONS") == "true", workspace: env("GITHUB_WORKSPACE"), dir: dir}
}

// diagnostics annotates the lines of files. The annotations repeat what the
// text says, which stays in the log.
func (g github) diagnostics(w io.Writer, diags spec.Diagnostics) error {
	if !g.on {
		return nil
	}
	for _, d := range diags {
		properties, title := g.place(d), "wadi"
		if d.Field != "" {
			title += ": " + d.Field
		}
		properties = append(properties, "title="+escapeProperty(title))
		message := d.Summary
		if d.Detail != "" {
			message += "\n" + d.Detail
		}
		if err := writeCommand(w, d.Severity, properties, message); err != nil {
			return err
		}
	}
	return nil
}

// place says where a diagnostic is, in the properties of a workflow command.
func (g github) place(d spec.Diagnostic) []string {
	if d.File == "" {
		return nil
	}
	properties := []string{"file=" + escapeProperty(g.repositoryPath(d.File))}
	if d.Line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", d.Line))
	}
	if d.Column > 0 {
		properties = append(properties, fmt.Sprintf("col=%d", d.Column))
	}
	return properties
}

// failure annotates what ended a command.
func (g github) failure(w io.Writer, err error) error {
	var diags spec.Diagnostics
	var status exitStatus
	switch {
	case !g.on, err == nil, errors.Is(err, errChanges), errors.Is(err, errReported), errors.Is(err, ErrInterrupted), errors.As(err, &status):
		return nil
	case errors.As(err, &diags):
		return g.diagnostics(w, diags)
	}
	message := err.Error()
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		message += "\n" + h.Hint()
	}
	return writeCommand(w, spec.SeverityError, []string{"title=wadi"}, message)
}

// repositoryPath is a file's path in its repository, as annotations need it;
// with / and, where the file is in no repository, as it is.
func (g github) repositoryPath(file string) string {
	root := g.workspace
	if root == "" {
		root = string(filepath.Separator)
	}
	path, inRoot := below(root, file)
	if !inRoot {
		return filepath.ToSlash(file)
	}
	// The repository may be a folder of the workspace (checkout's `path`).
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(root, dir, ".git")); err == nil && info.IsDir() {
			path, _ = filepath.Rel(dir, path)
			return filepath.ToSlash(path)
		}
		if dir == "." {
			break
		}
	}
	if g.workspace == "" { // nobody says where the repository is
		if path, inRoot = below(g.dir, file); !inRoot {
			path = file
		}
	}
	return filepath.ToSlash(path)
}

// below is file relative to root, if it is there. Either may have been
// reached through symbolic links.
func below(root, file string) (string, bool) {
	if rel, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(rel) {
		return rel, true
	}
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", false
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(realRoot, filepath.Join(dir, filepath.Base(file)))
	return rel, err == nil && filepath.IsLocal(rel)
}

// writeCommand writes one workflow command. (GitHub's documentation, "Workflow
// commands for GitHub Actions"; the escapes are those of its runner.)
func writeCommand(w io.Writer, severity spec.Severity, properties []string, message string) error {
	_, err := fmt.Fprintf(w, "::%s %s::%s\n", severity, strings.Join(properties, ","), escapeMessage.Replace(message))
	return err
}

var (
	escapeMessage   = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeProperty(text string) string { return propertyEscapes.Replace(text) }
