package staging

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"wadi/stage/archive"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/builtin"
	"wadi/stage/lifecycle/proc"
)

func (t *task) fetchPackage(ctx context.Context) error {
	fmt.Fprintln(t.out.Stdout, "Downloading app package...")
	size, err := t.fetch(ctx, t.Package, t.folders.app, lifecycle.AppFolder)
	if err != nil {
		return fmt.Errorf("downloading the app package: %w", err)
	}
	fmt.Fprintf(t.out.Stdout, "Downloaded app package (%s)\n", lifecycle.FormatSize(size))
	return nil
}

// fetchBuildpacks puts every buildpack into the folder named by its key.
func (t *task) fetchBuildpacks(ctx context.Context) ([]builder.Buildpack, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the lifecycle itself: %w", err)
	}
	var buildpacks []builder.Buildpack
	have := map[string]bool{}
	for _, ref := range t.Buildpacks {
		dir := filepath.Join(t.folders.buildpacks, builder.KeyHash(ref.Key))
		buildpacks = append(buildpacks, builder.Buildpack{Key: ref.Key, Dir: dir})
		if have[dir] {
			continue
		}
		have[dir] = true
		if ref.Builtin != "" {
			if err := builtin.Write(dir, ref.Builtin, program, t.user); err != nil {
				return nil, err
			}
			if err := proc.CheckTraversable(filepath.Dir(program), t.user); err != nil {
				return nil, err
			}
			continue
		}
		if err := proc.MakeDir(dir, t.user); err != nil {
			return nil, fmt.Errorf("making the folder of buildpack %s: %w", ref.Key, err)
		}
		fmt.Fprintf(t.out.Stdout, "Downloading buildpack %s...\n", ref.Key)
		size, err := t.fetch(ctx, ref.Blob, dir, "")
		if err != nil {
			return nil, fmt.Errorf("downloading buildpack %s: %w", ref.Key, err)
		}
		fmt.Fprintf(t.out.Stdout, "Downloaded buildpack %s (%s)\n", ref.Key, lifecycle.FormatSize(size))
	}
	return buildpacks, nil
}

// fetch unpacks what a blob has below a folder ("" = all) into dir and returns
// how many bytes its files have: not more than the disk of the staging.
func (t *task) fetch(ctx context.Context, digest, dir, below string) (int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	content, err := t.client.Open(ctx, digest)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	options := archive.ExtractOptions{UID: -1, GID: -1, MaxBytes: int64(t.DiskMB) << 20, Below: below}
	if t.user != nil {
		options.UID, options.GID = t.user.UID, t.user.GID
	}
	stats, err := archive.Extract(ctx, content, root, options)
	return stats.Bytes, err
}
