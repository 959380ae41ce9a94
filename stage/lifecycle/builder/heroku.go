package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wadi/internal/remove"
)

// herokuMark finds in a bin/compile that it was written for Heroku: it takes
// the folder of the app's variables as third argument, or asks for Heroku's
// STACK (Cloud Foundry's is CF_STACK).
var herokuMark = regexp.MustCompile(`(?i:\benv_?dir)=["']?\$\{?3\b|\$\{?STACK\b`)

// isHeroku reports whether a buildpack was written for Heroku. Such a one gets
// what it has there beside what Cloud Foundry promises: the folder of
// variables, its own folder as the working directory, and it needs no
// bin/release. All others are run exactly as Cloud Foundry does.
func isHeroku(buildpack string) bool {
	if there, err := exists(filepath.Join(buildpack, "bin", "finalize")); err != nil || there {
		return false
	}
	root, err := os.OpenRoot(buildpack) // a link may lead to a device of the node
	if err != nil {
		return false
	}
	defer root.Close()
	content, err := readSmall(root, "bin/compile")
	return err == nil && herokuMark.Match(content)
}

// in is the build with another working directory.
func (b *build) in(dir string) *build {
	moved := *b
	moved.Dir = dir
	return &moved
}

// compileHeroku runs bin/compile with the app's variables as files, which are
// gone before anything is packed.
func (b *build) compileHeroku(ctx context.Context, buildpack, cache string) error {
	vars := filepath.Join(b.ContentsDir, "env")
	if err := b.writeVariables(vars); err != nil {
		return fmt.Errorf("writing the app's variables for the buildpack: %w", err)
	}
	err := b.in(buildpack).run(ctx, filepath.Join(buildpack, "bin", "compile"), b.BuildDir, cache, vars)
	if removeErr := remove.All(vars); removeErr != nil {
		return fmt.Errorf("removing the app's variables: %w", removeErr)
	}
	return err
}

// notConfig are variables that every process has, and no config vars.
var notConfig = []string{"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "PWD", "OLDPWD", "SHLVL", "_"}

// writeVariables writes the variables of the build into the new folder dir, a
// file each. The scripts can read them, and nobody but the caller can change
// them: what runs already must not make it write elsewhere.
func (b *build) writeVariables(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, entry := range b.Env {
		name, value, _ := strings.Cut(entry, "=")
		if name == "" || name != filepath.Base(name) || slices.Contains(notConfig, name) {
			continue
		}
		if err := b.writeVariable(filepath.Join(dir, name), value); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) writeVariable(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.Host.Own(f); err != nil {
		return err
	}
	if _, err := f.WriteString(value); err != nil {
		return err
	}
	return f.Close()
}
