package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// detect asks one buildpack after the other; what is wrong with one is
// printed and the next is asked.
func (b *build) detect(ctx context.Context) (choice, error) {
	for _, bp := range b.Buildpacks {
		dir, err := buildpackDir(bp)
		if err != nil {
			fmt.Fprintln(b.Stderr, err)
			continue
		}
		script := filepath.Join(dir, "bin", "detect")
		info, err := os.Stat(script)
		if err != nil {
			fmt.Fprintln(b.Stderr, err)
			continue
		}
		if info.Mode().Perm()&0o111 != 0o111 {
			fmt.Fprintln(b.Stdout, "WARNING: buildpack script '/bin/detect' is not executable")
		}
		output, err := b.capture(ctx, script, b.BuildDir)
		if err == nil {
			name := strings.TrimRight(string(output), "\r\n")
			return choice{keys: []string{bp.Key}, final: dir, detected: name}, nil
		}
		if ctx.Err() != nil {
			return choice{}, err
		}
		var said *StatusError
		if !errors.As(err, &said) { // it was not even started
			fmt.Fprintln(b.Stderr, err)
		}
	}
	return choice{}, fail(lifecycle.ExitDetectFail, msgDetectFail, nil)
}

// supplyAll runs bin/supply of all buildpacks but the last, after it has seen
// that all of them have one.
func (b *build) supplyAll(ctx context.Context) (choice, error) {
	var chosen choice
	last := len(b.Buildpacks) - 1
	for i, bp := range b.Buildpacks {
		dir, err := buildpackDir(bp)
		if err != nil {
			return choice{}, fail(lifecycle.ExitSupplyFail, msgSupplyFail, err)
		}
		chosen.keys = append(chosen.keys, bp.Key)
		if i == last {
			chosen.final = dir
			break
		}
		switch there, err := exists(filepath.Join(dir, "bin", "supply")); {
		case err != nil:
			return choice{}, fail(lifecycle.ExitSupplyFail, msgSupplyFail, err)
		case !there:
			return choice{}, fail(lifecycle.ExitSupplyFail, msgNoSupply, fmt.Errorf("%s has no bin/supply: name it last, or another in its place", bp.Key))
		}
		chosen.supplies = append(chosen.supplies, dir)
	}
	for i, dir := range chosen.supplies {
		cache := filepath.Join(b.CacheDir, KeyHash(b.Buildpacks[i].Key))
		if err := b.run(ctx, filepath.Join(dir, "bin", "supply"), b.BuildDir, cache, b.depsDir, b.depsIndex(i)); err != nil {
			return choice{}, fail(lifecycle.ExitSupplyFail, msgSupplyFail, fmt.Errorf("%w (bin/supply of %s)", err, b.Buildpacks[i].Key))
		}
	}
	return chosen, nil
}

// compile runs the final buildpack and collects what is to be launched.
func (b *build) compile(ctx context.Context, chosen choice) ([]launchProcess, error) {
	chosen.heroku = isHeroku(chosen.final)
	if err := b.finalize(ctx, chosen); err != nil {
		return nil, fail(lifecycle.ExitCompileFail, msgCompileFail, err)
	}
	return b.processes(ctx, chosen)
}

// finalize runs the scripts of the final buildpack: supply and finalize, or
// compile where it is of the older kind.
func (b *build) finalize(ctx context.Context, chosen choice) error {
	index := b.depsIndex(len(chosen.supplies))
	cache := filepath.Join(b.CacheDir, "final")
	finalize := filepath.Join(chosen.final, "bin", "finalize")
	there, err := exists(finalize)
	if err != nil {
		return fail(lifecycle.ExitFinalizeFail, msgFinalizeFail, err)
	}
	if there {
		if err := b.supplyFinal(ctx, chosen.final, cache, index); err != nil {
			return fail(lifecycle.ExitSupplyFail, msgSupplyFail, err)
		}
		if err := b.run(ctx, finalize, b.BuildDir, cache, b.depsDir, index, b.profileDir); err != nil {
			return fail(lifecycle.ExitFinalizeFail, msgFinalizeFail, err)
		}
		return nil
	}
	if len(chosen.supplies) > 0 {
		fmt.Fprintln(b.Stderr, msgMissingFinalize)
	}
	if err := remove.All(filepath.Join(b.depsDir, index)); err != nil {
		return fail(lifecycle.ExitCompileFail, msgCompileFail, err)
	}
	if err := b.runCompile(ctx, chosen, cache); err != nil {
		return fail(lifecycle.ExitCompileFail, msgCompileFail, err)
	}
	return nil
}

// supplyFinal runs bin/supply of the final buildpack, if it has one.
func (b *build) supplyFinal(ctx context.Context, dir, cache, index string) error {
	supply := filepath.Join(dir, "bin", "supply")
	if there, err := exists(supply); err != nil || !there {
		return err
	}
	return b.run(ctx, supply, b.BuildDir, cache, b.depsDir, index)
}

func (b *build) runCompile(ctx context.Context, chosen choice, cache string) error {
	if chosen.heroku {
		return b.compileHeroku(ctx, chosen.final, cache)
	}
	return b.run(ctx, filepath.Join(chosen.final, "bin", "compile"), b.BuildDir, cache)
}

// run runs one script with the output of the build.
func (b *build) run(ctx context.Context, script string, args ...string) error {
	return b.runTo(ctx, b.Stdout, script, args...)
}

func (b *build) runTo(ctx context.Context, stdout *os.File, script string, args ...string) error {
	if err := cannotRun(script); err != nil {
		return err
	}
	p, err := b.Host.Start(proc.Spec{
		Argv: append([]string{script}, args...), Env: b.Env, Dir: b.Dir,
		Stdout: stdout, Stderr: b.Stderr,
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err() // Build ends all processes
	case <-p.Done():
	}
	if status := p.Status(); status != 0 {
		return &StatusError{Status: status}
	}
	return nil
}

// maxCaptured bounds what detect and release may print, in bytes. One more than
// a file may have: so it shows that one has too many.
const maxCaptured = maxSmall + 1

// capture runs a script and returns its standard output. A file takes it, not
// a pipe: a process that the script left behind would hold a pipe open.
func (b *build) capture(ctx context.Context, script string, args ...string) ([]byte, error) {
	f, err := os.CreateTemp("", "wadi-capture-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	if err := b.Host.Own(f); err != nil {
		return nil, err
	}
	if err := b.runTo(ctx, f, script, args...); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.NewSectionReader(f, 0, maxCaptured)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// buildpackDir is the folder that holds bin/.
func buildpackDir(bp Buildpack) (string, error) {
	for _, dir := range []string{bp.Dir, bp.LegacyDir} {
		if dir != "" && hasBin(dir) {
			return dir, nil
		}
	}
	dir := bp.Dir
	entries, err := os.ReadDir(dir)
	if len(entries) == 0 && bp.LegacyDir != "" {
		dir = bp.LegacyDir
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		return "", fail(1, fmt.Sprintf("Failed to read buildpack directory '%s' for buildpack '%s'", bp.Dir, bp.Key), nil)
	}
	if len(entries) == 1 {
		if nested := filepath.Join(dir, entries[0].Name()); hasBin(nested) {
			return nested, nil
		}
	}
	return "", fmt.Errorf("malformed buildpack does not contain a /bin dir: %s", bp.Key)
}

func hasBin(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "bin"))
	return err == nil
}

// exists reports whether there is a script. What cannot be told, as of a link
// to itself, is an error: the script must not be passed over.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
