package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"wadi/nomad"
	"wadi/reconcile"
	"wadi/stage/blob"
)

// gcOptions say what garbage is.
type gcOptions struct {
	Revisions int
	Grace     time.Duration
	DryRun    bool
}

func newGC(streams Streams) *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove from the blob store what nothing refers to",
		Long: `Remove from the blob store what nothing refers to: packages, droplets, staging
results and logs, build caches, lifecycles. It shows what would go, and asks.

What stays, in all spaces of this Nomad: what any job's versions that Nomad
keeps start with, stopped apps too; the last revisions of every app; stagings
and tasks under way; and whatever was written or asked for within the grace
period, so that it can run beside an apply. With ACLs it takes a management
token: it refuses to run with one that may not see everything.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings(cmd, nil)
			if err != nil {
				return err
			}
			if o.Revisions < 0 {
				return withHint(fmt.Errorf("--revisions is %d", o.Revisions), "give a number of revisions, at least 0")
			}
			return collectGarbage(cmd.Context(), streams, s, o)
		},
	}
	addFlags(cmd, keyAutoApprove, keyJSON, keyPlatformSpace)
	cmd.Flags().IntVar(&o.Revisions, "revisions", 5, "how `many` of the last revisions of every app are kept")
	cmd.Flags().DurationVar(&o.Grace, "grace", time.Hour, "keep what was written or asked for within this `time`, at most 24h")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "show what would go, and remove nothing")
	return cmd
}

// collectGarbage shows, asks and removes. What refers is looked for anew
// after the answer: that may have taken a while.
func collectGarbage(ctx context.Context, streams Streams, s settings, o gcOptions) error {
	client, err := nomad.New(nomad.Config{Space: s.PlatformSpace})
	if err != nil {
		return err
	}
	platform, err := client.ReadPlatform(ctx)
	if err != nil {
		return err
	}
	blobs := &blob.Client{URL: platform.BlobURL, Token: func() (string, error) { return client.ReadOperatorToken(ctx) }}
	collect := func(dry bool) (reconcile.Roots, blob.Collected, error) {
		roots, err := reconcile.FindRoots(ctx, client, o.Revisions)
		if err != nil {
			return roots, blob.Collected{}, err
		}
		done, err := blobs.Collect(ctx, blob.Collect{Digests: roots.Digests, Results: roots.Results, Grace: o.Grace, DryRun: dry})
		return roots, done, err
	}
	roots, would, err := collect(true)
	if err != nil {
		return err
	}
	if !s.JSON {
		if err := writeCollected(streams, roots, would, "to remove"); err != nil {
			return err
		}
	}
	if o.DryRun || nothingCollected(would) {
		if s.JSON {
			return writeJSON(streams.Out, would)
		}
		return nil
	}
	if err := confirm(ctx, streams, s, "Remove this from the blob store?"); err != nil {
		return err
	}
	_, done, err := collect(false)
	if err != nil {
		return err
	}
	if s.JSON {
		return writeJSON(streams.Out, done)
	}
	_, err = fmt.Fprintf(streams.Out, "\nRemoved %s, %s freed.\n", collectedWords(done), freed(done))
	return err
}

func nothingCollected(c blob.Collected) bool {
	return c.Results.Removed+c.Blobs.Removed+c.Chunks.Removed+c.Lifecycles.Removed == 0
}

// freed is what the removed things took at rest.
func freed(c blob.Collected) string {
	return bytesOf(c.Results.RemovedBytes + c.Blobs.RemovedBytes + c.Chunks.RemovedBytes + c.Lifecycles.RemovedBytes)
}

func bytesOf(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func collectedWords(c blob.Collected) string {
	return fmt.Sprintf("%s, %s, %s and %s",
		count(c.Results.Removed, "staging result", "staging results"), count(c.Blobs.Removed, "blob", "blobs"),
		count(c.Chunks.Removed, "chunk", "chunks"), count(c.Lifecycles.Removed, "lifecycle", "lifecycles"))
}

// writeCollected prints what goes, the oldest first, and a summary.
func writeCollected(streams Streams, roots reconcile.Roots, c blob.Collected, verb string) error {
	for _, d := range c.Damaged {
		fmt.Fprintf(streams.Err, "Blob %s is damaged and cannot be read; what it belongs to has to be uploaded or staged again.\n", clean(d))
	}
	for _, item := range c.Items {
		if _, err := fmt.Fprintf(streams.Out, "- %-14s  %s  %9s  %s\n", clean(item.Kind), clean(item.Name), bytesOf(item.Bytes), item.Written.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
	}
	if more := c.Results.Removed + c.Blobs.Removed + c.Lifecycles.Removed - len(c.Items); more > 0 {
		if _, err := fmt.Fprintf(streams.Out, "  and %d more\n", more); err != nil {
			return err
		}
	}
	searched := fmt.Sprintf("Looked at %s of wadi's and %s in %s.",
		count(roots.Jobs, "job", "jobs"), count(roots.Apps, "app", "apps"), count(len(roots.Spaces), "space", "spaces"))
	if nothingCollected(c) {
		_, err := fmt.Fprintf(streams.Out, "%s\n\nNothing to remove: all that the blob store keeps is referred to, or was used lately.\n", searched)
		return err
	}
	if len(c.Items) > 0 {
		fmt.Fprintln(streams.Out)
	}
	kept := c.Results.KeptBytes + c.Blobs.KeptBytes + c.Chunks.KeptBytes + c.Lifecycles.KeptBytes
	_, err := fmt.Fprintf(streams.Out, "%s\n\n%s %s: %s freed, %s kept.\n", searched, collectedWords(c), verb, freed(c), bytesOf(kept))
	return err
}
