//go:build !release

package bin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// sources are the folders and files, relative to the module's root, that the
// lifecycle is made of; a test compares them with what the compiler says.
// Folders are taken without their subfolders.
var sources = []string{
	"go.mod", "go.sum",
	"internal/procstat",
	"internal/remove",
	"internal/sleep",
	"stage/archive",
	"stage/blob",
	"stage/lifecycle",
	"stage/lifecycle/build",
	"stage/lifecycle/builder",
	"stage/lifecycle/builtin",
	"stage/lifecycle/cmd",
	"stage/lifecycle/inspect",
	"stage/lifecycle/instance",
	"stage/lifecycle/launch",
	"stage/lifecycle/proc",
	"stage/lifecycle/secrets",
	"stage/lifecycle/sshd",
	"stage/lifecycle/staging",
	"stage/lifecycle/static",
	"stage/remote",
}

// Open returns the lifecycle for linux on arch (a GOARCH such as "amd64"),
// kept below cacheDir. It builds it with the go tool unless the cache has it
// for the sources as they are now: some milliseconds when it does, some
// seconds when it does not. Several processes may call it at once.
func Open(ctx context.Context, cacheDir, arch string) (Binary, error) {
	root, err := moduleRoot()
	if err != nil {
		return Binary{}, err
	}
	key, err := sourceKey(root, arch)
	if err != nil {
		return Binary{}, fmt.Errorf("reading the sources of the lifecycle: %w", err)
	}
	return cached(cacheDir, key, func() ([]byte, error) { return build(ctx, root, arch) })
}

// moduleRoot finds the folder of wadi's go.mod: that of this very source
// file. Never the one that the working directory is in: what lies there may
// be anybody's, and runs as root in tasks.
func moduleRoot() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		for dir := filepath.Dir(file); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && isOurs(mod) {
				return dir, nil
			}
		}
	}
	return "", errors.New("this wadi has no lifecycle inside (it was not built with -tags release) and the sources it was built from are gone: build it again where they are, without -trimpath, or use a release")
}

func isOurs(mod []byte) bool {
	return bytes.HasPrefix(mod, []byte("module wadi\n"))
}

// sourceKey is a digest of everything the binary depends on.
func sourceKey(root, arch string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s\n", runtime.Version(), arch, strings.Join(buildFlags, " "))
	for _, source := range sources {
		err := filepath.WalkDir(filepath.Join(root, source), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			if d.IsDir() {
				// Embedded scripts lie in folders named files.
				if rel != source && d.Name() != "files" && !strings.Contains(rel, "/files/") {
					return fs.SkipDir
				}
				return nil
			}
			if strings.HasSuffix(path, "_test.go") || !d.Type().IsRegular() {
				return nil
			}
			return hashFile(h, rel, path)
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(h io.Writer, name, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%s %d\n", name, len(content))
	_, err = h.Write(content)
	return err
}

var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// build compiles the lifecycle and returns its archive.
func build(ctx context.Context, root, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wadi-lifecycle-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to build the lifecycle in: %w", err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "lifecycle")
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("the lifecycle is built from source here and needs the go tool: install Go, or use a release of wadi: %w", err)
	}
	args := append([]string{"build", "-o", out}, buildFlags...)
	cmd := exec.CommandContext(ctx, goTool, append(args, "./stage/lifecycle/cmd")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-mod=readonly", "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("building the lifecycle for %s (go build ./stage/lifecycle/cmd in %s): %w\n%s", arch, root, err, output)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("reading the lifecycle that was built: %w", err)
	}
	return pack(program)
}

// cached returns the archive under key, made by compile when it is not there.
// Its sum is part of its name: reading it again costs more than all the rest.
func cached(cacheDir, key string, compile func() ([]byte, error)) (Binary, error) {
	dir := filepath.Join(cacheDir, "lifecycle")
	if b, ok := lookUp(dir, key); ok {
		return b, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Binary{}, fmt.Errorf("making the cache of the lifecycle: %w", err)
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(dir, "lock")).Lock()
	if err != nil {
		return Binary{}, fmt.Errorf("locking the cache of the lifecycle: %w", err)
	}
	defer unlock()
	if b, ok := lookUp(dir, key); ok {
		return b, nil
	}
	content, err := compile()
	if err != nil {
		return Binary{}, err
	}
	return store(dir, key, content)
}
