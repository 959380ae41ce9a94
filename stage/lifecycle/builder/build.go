package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// Buildpack is one buildpack on the disk. Dir holds bin/, or one folder that
// does, as archives of repositories have it; LegacyDir ("" = none) is looked
// at where Dir does not.
type Buildpack struct {
	Key       string // as the user wrote it
	Dir       string
	LegacyDir string
}

// Config says what is built, where and with what.
type Config struct {
	Host *proc.Host
	Env  []string // of the scripts
	Dir  string   // their working directory

	BuildDir string // the app; belongs to the user that scripts run as
	// ContentsDir becomes the droplet: Build makes deps, profile.d, tmp,
	// logs and staging_info.yml in it. It exists and is empty but for
	// BuildDir, if that is its folder app.
	ContentsDir string
	CacheDir    string // exists; what earlier builds left is cleaned

	Buildpacks []Buildpack // at least one
	// SkipDetect: all run, the last is the final one. Else the first that
	// detects the app is the final and only one.
	SkipDetect bool

	Stdout, Stderr *os.File
}

// Build runs the buildpacks. The error is an *Error where Cloud Foundry has
// an exit code for it, and ctx's where that ended the build: nothing that
// scripts started is alive then. The metadata is set even when the build
// failed after a buildpack was chosen.
func Build(ctx context.Context, c Config) (lifecycle.DropletMetadata, error) {
	b := &build{Config: c}
	meta, err := b.build(ctx)
	if ctx.Err() != nil {
		if killErr := c.Host.KillAll(); killErr != nil {
			return meta, fmt.Errorf("ending the build: %w", killErr)
		}
		return meta, context.Cause(ctx)
	}
	return meta, err
}

type build struct {
	Config
	depsDir, profileDir string
}

// choice is the buildpacks that take part: all, or the one that detected.
type choice struct {
	keys     []string
	supplies []string // folders of all but the last
	final    string   // folder of the last
	detected string   // what bin/detect printed
	heroku   bool     // see isHeroku
}

func (b *build) build(ctx context.Context) (lifecycle.DropletMetadata, error) {
	var none lifecycle.DropletMetadata
	if err := b.makeDirectories(); err != nil {
		return none, fail(1, "Failed to set up filesystem when generating droplet", err)
	}
	chosen, err := b.choose(ctx)
	if err != nil {
		return none, err
	}
	launch, err := b.compile(ctx, chosen)
	meta := b.metadata(ctx, chosen)
	if err != nil {
		return meta, err
	}
	nameLast(&meta, chosen.detected)
	describe(&meta, launch)
	if meta.ProcessTypes["web"] == "" {
		fmt.Fprintln(b.Stderr, "No start command specified by buildpack or via Procfile.")
		fmt.Fprintln(b.Stderr, "App will not start unless a command is provided at runtime.")
	}
	if err := b.makeRunDirs(); err != nil {
		return meta, fail(1, "Failed to set up droplet filesystem", err)
	}
	if err := b.writeStagingInfo(meta); err != nil {
		return meta, fail(1, "Failed to set up droplet filesystem", err)
	}
	return meta, nil
}

func (b *build) choose(ctx context.Context) (choice, error) {
	if b.SkipDetect {
		return b.supplyAll(ctx)
	}
	return b.detect(ctx)
}

// supplyCount is how many buildpacks supply before the final one.
func (b *build) supplyCount() int {
	if b.SkipDetect {
		return len(b.Buildpacks) - 1
	}
	return 0
}

// depsIndex is the name of a buildpack's folder below deps: its number, as
// wide as the count of the buildpacks.
func (b *build) depsIndex(i int) string {
	return fmt.Sprintf("%0*d", len(strconv.Itoa(b.supplyCount()+1)), i)
}

func (b *build) makeDirectories() error {
	b.depsDir = filepath.Join(b.ContentsDir, "deps")
	b.profileDir = filepath.Join(b.ContentsDir, "profile.d")
	dirs := []string{b.depsDir, b.profileDir}
	for i := range b.supplyCount() + 1 {
		dirs = append(dirs, filepath.Join(b.depsDir, b.depsIndex(i)))
	}
	for _, dir := range dirs {
		if err := proc.MakeDir(dir, b.Host.User()); err != nil {
			return err
		}
	}
	return b.makeCacheDirs()
}

// makeRunDirs makes the folders that apps find beside theirs; buildpacks may
// have made them.
func (b *build) makeRunDirs() error {
	for _, name := range []string{"tmp", "logs"} {
		if err := proc.MakeDir(filepath.Join(b.ContentsDir, name), b.Host.User()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// makeCacheDirs keeps the caches of the buildpacks that take part and
// removes all others.
func (b *build) makeCacheDirs() error {
	needed := map[string]bool{"final": true}
	for _, bp := range b.Buildpacks[:b.supplyCount()] {
		needed[KeyHash(bp.Key)] = true
	}
	entries, err := os.ReadDir(b.CacheDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if needed[entry.Name()] && entry.IsDir() {
			delete(needed, entry.Name())
			continue
		}
		if err := remove.All(filepath.Join(b.CacheDir, entry.Name())); err != nil {
			return err
		}
	}
	for name := range needed {
		if err := proc.MakeDir(filepath.Join(b.CacheDir, name), b.Host.User()); err != nil {
			return err
		}
	}
	return nil
}

// KeyHash names the folders of a buildpack: xxhash64 of its key, 16 digits.
func KeyHash(key string) string { return fmt.Sprintf("%016x", xxhash.Sum64String(key)) }
