// Package builtin has the buildpacks inside the lifecycle: real ones in the
// public contract (bin/detect, supply, finalize, release). They download no
// language: they use what the stack has, and say what it lacks.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

//go:embed files
var files embed.FS

// Write writes the buildpack name (one of lifecycle.Builtins) into the folder
// dir, which it makes, with what all of them share in its folder shared; the
// folders belong to u (proc.MakeDir). Its scripts call the lifecycle, found at
// the absolute path program: by itself, or as a subcommand of another program.
func Write(dir, name, program string, u *proc.User, subcommand ...string) error {
	if !slices.Contains(lifecycle.Builtins(), name) {
		return fmt.Errorf("there is no built-in buildpack %q (there are %q): stage with the wadi that this lifecycle belongs to", name, lifecycle.Builtins())
	}
	if err := copyTree("files/"+name, dir, u); err != nil {
		return fmt.Errorf("writing the built-in buildpack %s: %w", name, err)
	}
	if err := copyTree("files/shared", filepath.Join(dir, "shared"), u); err != nil {
		return fmt.Errorf("writing the built-in buildpack %s: %w", name, err)
	}
	link := filepath.Join(dir, "lifecycle")
	if len(subcommand) == 0 {
		return os.Symlink(program, link)
	}
	script := "#!/bin/sh\nexec " + quote(program) + " " + strings.Join(subcommand, " ") + ` "$@"` + "\n"
	return os.WriteFile(link, []byte(script), 0o755)
}

// quote makes one word of a path for a shell.
func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// copyTree writes what is embedded below from into the folder to.
func copyTree(from, to string, u *proc.User) error {
	tree, err := fs.Sub(files, from)
	if err != nil {
		return err
	}
	return fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path)
		if d.IsDir() {
			return proc.MakeDir(target, u)
		}
		content, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o755); err != nil {
			return err
		}
		return os.Chmod(target, 0o755) // whatever the umask
	})
}
