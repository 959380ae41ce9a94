package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"wadi/stage/archive"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// freshCopy removes what earlier starts left and unpacks the droplet anew:
// buildpacks' scripts edit files in place, so a second start on the same
// copy is another app.
func (t *task) freshCopy(ctx context.Context, guid string, log io.Writer) (string, lifecycle.DropletMetadata, error) {
	var meta lifecycle.DropletMetadata
	dir, err := t.makeCopyDir(guid)
	if err != nil {
		return "", meta, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", meta, fmt.Errorf("opening the folder of the instance: %w", err)
	}
	defer root.Close()
	if err := t.download(ctx, root, log); err != nil {
		return "", meta, err
	}
	if err := addLifecycle(dir); err != nil {
		return "", meta, err
	}
	bindings, err := t.environs.Files()
	if err != nil {
		return "", meta, err
	}
	if err := proc.WriteFiles(filepath.Join(dir, bindingsDir), bindings, t.user); err != nil {
		return "", meta, err
	}
	meta, err = readMetadata(root)
	return dir, meta, err
}

// readMetadata reads what the droplet that lies in root says of itself.
func readMetadata(root *os.Root) (lifecycle.DropletMetadata, error) {
	var meta lifecycle.DropletMetadata
	content, err := root.ReadFile(lifecycle.MetadataName)
	if err == nil {
		err = json.Unmarshal(content, &meta)
	}
	if err != nil {
		return meta, fmt.Errorf("reading what the droplet says of itself: %w: stage the app again (wadi apply --restage)", err)
	}
	return meta, nil
}

func (t *task) download(ctx context.Context, root *os.Root, log io.Writer) error {
	if t.revision.Droplet == "" {
		return errors.New("the revision names no droplet: apply the app again")
	}
	fmt.Fprintln(log, "Downloading droplet...")
	client := &blob.Client{URL: t.revision.BlobURL, Token: t.secrets.Identity}
	content, err := client.Open(ctx, t.revision.Droplet)
	if err != nil {
		return fmt.Errorf("downloading the droplet: %w", anew(err))
	}
	defer content.Close()
	options := archive.ExtractOptions{UID: -1, GID: -1, MaxBytes: int64(t.process.DiskMB) << 20}
	if t.revision.StagedAt > 0 {
		options.ModTime = time.Unix(t.revision.StagedAt, 0)
	}
	if t.user != nil {
		options.UID, options.GID = t.user.UID, t.user.GID
	}
	stats, err := archive.Extract(ctx, content, root, options)
	var limit *archive.LimitError
	if errors.As(err, &limit) && limit.What == "bytes" {
		return fmt.Errorf("unpacking the droplet: with %q it has more than the disk of the process, %s: leave out what the app does not need, or raise disk_quota",
			limit.Entry, lifecycle.FormatSize(limit.Limit))
	}
	if err != nil {
		return fmt.Errorf("unpacking the droplet: %w", anew(err))
	}
	fmt.Fprintf(log, "Downloaded droplet (%s)\n", lifecycle.FormatSize(stats.Bytes))
	return nil
}

// anew says how to get back what the blob store lacks.
func anew(err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("%w: stage the app anew (wadi apply)", err)
	}
	return err
}

// addLifecycle puts this program beside the app, as bin/lifecycle: start
// commands of the built-in buildpacks call it there.
func addLifecycle(dir string) error {
	program, err := os.Executable()
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o755)
	}
	if err == nil {
		err = os.Symlink(program, filepath.Join(dir, "bin", "lifecycle"))
	}
	if err != nil {
		return fmt.Errorf("putting the lifecycle beside the app: %w", err)
	}
	return nil
}
