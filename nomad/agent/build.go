package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"wadi/nomad/agent/flock"
)

// buildNeeds is what a build from nothing takes on disk (the binary, the
// build cache and the modules), lowDisk how little must be left for a failed
// build to be put down to a full disk.
const (
	buildNeeds = "about 4 GB"
	lowDisk    = 128 << 20
)

// Build gives the executable of a recipe, built at most once into a folder of
// its own below cacheDir, also by several processes at once. progress hears of
// what takes time, by one goroutine at a time.
func Build(ctx context.Context, cacheDir string, r Recipe, progress func(Event)) (path string, err error) {
	return buildOnce(ctx, cacheDir, r, environ(os.Environ()), progress)
}

// buildOnce gives the executable of a recipe, built at most once: into a
// folder of its own inside the cache, whence it is renamed to its place, so
// that what stands there is whole. A lock keeps other processes waiting.
func buildOnce(ctx context.Context, cacheDir string, r Recipe, env environ, progress func(Event)) (path string, err error) {
	dir := filepath.Join(cacheDir, r.Key)
	path = filepath.Join(dir, r.Output)
	if isExecutable(path) {
		return path, nil
	}
	if err := makeDir(dir); err != nil {
		return "", err
	}
	lock, err := buildLock(ctx, filepath.Join(dir, "lock"), r, progress)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Unlock() }()
	if isExecutable(path) { // whom we waited for has built it
		return path, nil
	}
	if err := removeUnfinished(dir); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, unfinished)
	if err != nil {
		return "", buildFailed(r, dir, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	if err := compile(ctx, tmp, cacheDir, r, env, progress); err != nil {
		return "", err
	}
	if err := publish(filepath.Join(tmp, r.Output), path); err != nil {
		return "", buildFailed(r, dir, err)
	}
	progress(Event{Phase: PhaseDone, Text: "Built " + r.Name + " into " + path})
	return path, nil
}

// unfinished begins the names of the folders that builds work in.
const unfinished = "unfinished-"

// buildLock waits for other processes that build the same and says so.
func buildLock(ctx context.Context, path string, r Recipe, progress func(Event)) (*flock.Lock, error) {
	lock, err := flock.Try(path, flock.Exclusive)
	if !errors.Is(err, flock.ErrHeld) {
		return lock, err
	}
	progress(Event{Phase: PhaseWait, Text: "Waiting for another process that builds " + r.Name})
	return flock.Wait(ctx, path, flock.Exclusive)
}

// removeUnfinished removes what killed builds left. The caller holds the lock.
func removeUnfinished(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return fmt.Errorf("look for unfinished builds in %s: %w", dir, err)
	}
	for _, d := range old {
		if err := os.RemoveAll(d); err != nil {
			return fmt.Errorf("remove the unfinished build %s: %w", d, err)
		}
	}
	return nil
}

// publish brings an executable to its place, its bytes first.
func publish(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the built executable: %w", err)
	}
	err = errors.Join(f.Chmod(0o755), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("finish the built executable: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("bring the built executable to its place: %w", err)
	}
	return nil
}

// buildFailed wraps the error of a build and puts it down to a full disk
// where one of the folders it writes to has no room.
func buildFailed(r Recipe, dir string, err error, more ...string) error {
	for _, d := range append([]string{dir}, more...) {
		if free, ok := freeBytes(d); ok && free < lowDisk {
			return fmt.Errorf("build %s: the disk of %s is full (%d MB left, a build takes %s): make room, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a bigger disk: %w",
				r.Name, d, free>>20, buildNeeds, err)
		}
	}
	return fmt.Errorf("build %s: %w", r.Name, err)
}

// freeBytes is what an ordinary user may still write to the disk of dir, or
// of the next folder above that exists.
func freeBytes(dir string) (int64, bool) {
	for dir != "" {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if err == nil {
			return int64(st.Bavail) * st.Bsize, true
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return 0, false
		}
		dir = filepath.Dir(dir)
	}
	return 0, false
}
