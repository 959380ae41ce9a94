package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
)

// makeCache makes the folder of the caches, empty.
func (t *task) makeCache() error { return makePlatformDir(t.folders.cache) }

// fetchCache unpacks what the app's last staging kept. What goes wrong with
// it is a line in the log: without it the build is slower and no worse. A
// cache that has grown over the staging's disk begins anew by that.
func (t *task) fetchCache(ctx context.Context) error {
	if t.Cache == "" {
		return nil
	}
	fmt.Fprintln(t.out.Stdout, "Downloading build artifacts cache...")
	size, err := t.fetch(ctx, t.Cache, t.folders.cache, "")
	if err == nil {
		fmt.Fprintf(t.out.Stdout, "Downloaded build artifacts cache (%s)\n", lifecycle.FormatSize(size))
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Fprintf(t.out.Stdout, "Building without the cache of the last staging: %v\n", err)
	if err := remove.All(t.folders.cache); err != nil {
		return fmt.Errorf("removing what there was of the build cache: %w", err)
	}
	return t.makeCache()
}

// uploadCache stores what the buildpacks keep for the next staging and
// returns its digest, "" for nothing. What cannot be stored is a line in the
// log: the droplet is there.
func (t *task) uploadCache(ctx context.Context) string {
	kept, err := hasFiles(t.folders.cache)
	if err == nil && !kept {
		return ""
	}
	if err == nil {
		fmt.Fprintln(t.out.Stdout, "Uploading build artifacts cache...")
		var digest string
		if digest, err = t.uploadCacheDir(ctx); err == nil {
			return digest
		}
	}
	fmt.Fprintf(t.out.Stdout, "The build artifacts cache is not kept: %v\n", err)
	return ""
}

func (t *task) uploadCacheDir(ctx context.Context) (string, error) {
	cache, sent, err := t.uploadDir(ctx, t.folders.cache)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(t.out.Stdout, "Uploaded build artifacts cache (%s, %s of it new)\n", lifecycle.FormatSize(cache.Size), lifecycle.FormatSize(sent.Uploaded))
	return cache.Digest, nil
}

// removeCache frees the disk, and leaves the agent nothing that it could not
// remove itself.
func (t *task) removeCache() {
	if err := remove.All(t.folders.cache); err != nil {
		fmt.Fprintf(t.out.Stderr, "removing the build cache: %v\n", err)
	}
}

// errFile ends a walk at the first file.
var errFile = errors.New("a file")

// hasFiles reports whether there is anything but folders below dir.
func hasFiles(dir string) (bool, error) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return errFile
		}
		return err
	})
	if errors.Is(err, errFile) {
		return true, nil
	}
	return false, err
}
