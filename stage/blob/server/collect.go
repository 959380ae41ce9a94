package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"wadi/stage/blob"
)

func (s *server) postCollect(w http.ResponseWriter, r *http.Request) error {
	data, err := body(w, r, blob.MaxCollect, nil)
	if err != nil {
		return err
	}
	var what blob.Collect
	if err := json.Unmarshal(data, &what); err != nil {
		return refusef(http.StatusBadRequest, "the body does not say what to keep: %v", err)
	}
	if what.Grace < 0 || what.Grace > usesKept {
		return refusef(http.StatusBadRequest, "a grace of %s is not between 0 and %s", what.Grace, usesKept)
	}
	if up := s.now().Sub(s.uses.since); up < what.Grace {
		return refusef(http.StatusConflict, "the blob store has been up for %s only and does not know what was in use before: try again in %s, or with a shorter grace",
			up.Round(time.Second), (what.Grace-up).Round(time.Second)+time.Second)
	}
	if !s.collecting.TryLock() {
		return refusef(http.StatusConflict, "another collection is running: try again when it has ended")
	}
	defer s.collecting.Unlock()
	// it may take longer than any other answer
	conn := http.NewResponseController(w)
	if err := errors.Join(conn.SetReadDeadline(time.Time{}), conn.SetWriteDeadline(time.Time{})); err != nil {
		return fmt.Errorf("give a collection its time: %w", err)
	}
	c := newCollection(s, what)
	if err := c.run(r.Context()); err != nil {
		return err
	}
	if !what.DryRun {
		s.log.InfoContext(r.Context(), "collected", "results", c.out.Results.Removed, "blobs", c.out.Blobs.Removed,
			"chunks", c.out.Chunks.Removed, "bytes", c.out.Chunks.RemovedBytes)
	}
	s.answer(w, r, http.StatusOK, c.report())
	return nil
}

// collection is one run. What refers comes before what is referred to: a run
// that ends in the middle leaves garbage, and nothing that points nowhere.
type collection struct {
	*server
	dry     bool
	after   time.Time       // what was written or used since stays
	keep    map[string]bool // digests of blobs and lifecycles
	results map[string]bool // keys of the back end
	chunks  map[[digestBytes]byte]bool
	out     blob.Collected
}

func newCollection(s *server, what blob.Collect) *collection {
	c := &collection{
		server: s, dry: what.DryRun, after: s.now().Add(-what.Grace),
		keep: map[string]bool{}, results: map[string]bool{}, chunks: map[[digestBytes]byte]bool{},
	}
	for _, d := range what.Digests {
		c.keep[d] = true
	}
	for _, r := range what.Results {
		c.results[resultKey(r.Space, r.Key)] = true
	}
	return c
}

func (c *collection) run(ctx context.Context) error {
	if err := c.each(ctx, "results/", c.result); err != nil {
		return err
	}
	for _, prefix := range shards("blobs/") {
		if err := c.each(ctx, prefix, c.blob); err != nil {
			return err
		}
	}
	for _, prefix := range shards("chunks/") {
		if err := c.each(ctx, prefix, c.chunk); err != nil {
			return err
		}
	}
	return c.each(ctx, "lifecycle/", c.lifecycle)
}

// shards are the folders of what is stored by its digest. One at a time is
// listed, because a folder's list begins anew with every page.
func shards(folder string) []string {
	all := make([]string, 256)
	for i := range all {
		all[i] = fmt.Sprintf("%s%02x/", folder, i)
	}
	return all
}

// each calls f with all that is stored below the prefix under a digest.
func (c *collection) each(ctx context.Context, prefix string, f func(context.Context, *gocloud.ListObject) error) error {
	all, err := c.list(ctx, prefix)
	if err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	for _, o := range all {
		if err := f(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// maxLists is how often a folder is listed.
const maxLists = 100

// list lists again where a file has gone meanwhile: what is being written to a
// folder has another name at first, and fileblob's list fails then.
func (c *collection) list(ctx context.Context, prefix string) ([]*gocloud.ListObject, error) {
	for i := 1; ; i++ {
		all, err := c.listOnce(ctx, prefix)
		if gcerrors.Code(err) != gcerrors.NotFound || i == maxLists {
			return all, err
		}
	}
}

func (c *collection) listOnce(ctx context.Context, prefix string) ([]*gocloud.ListObject, error) {
	var all []*gocloud.ListObject
	list := c.store.bucket.List(&gocloud.ListOptions{Prefix: prefix})
	for {
		o, err := list.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case !o.IsDir && blob.ValidDigest(path.Base(o.Key)):
			all = append(all, o)
		}
	}
}

// sweep removes o unless it is kept, young or in use, and counts it.
func (c *collection) sweep(ctx context.Context, o *gocloud.ListObject, kept bool, count *blob.Swept) (removed bool, err error) {
	if !kept && o.ModTime.Before(c.after) {
		removed, err = c.uses.unlessUsed(path.Base(o.Key), c.after, func() error {
			if c.dry {
				return nil
			}
			return c.store.remove(ctx, o.Key)
		})
		if err != nil {
			return false, err
		}
	}
	if removed {
		count.Removed++
		count.RemovedBytes += o.Size
	} else {
		count.Kept++
		count.KeptBytes += o.Size
	}
	return removed, nil
}

func (c *collection) removed(kind, name string, bytes int64, o *gocloud.ListObject) {
	c.out.Items = append(c.out.Items, blob.CollectedItem{Kind: kind, Name: name, Bytes: bytes, Written: o.ModTime})
}

func (c *collection) result(ctx context.Context, o *gocloud.ListObject) error {
	removed, err := c.sweep(ctx, o, c.results[o.Key], &c.out.Results)
	if err != nil {
		return err
	}
	if removed {
		c.removed("staging result", strings.TrimPrefix(o.Key, "results/"), o.Size, o)
		return nil
	}
	data, found, err := c.store.get(ctx, o.Key, maxResultHead+blob.MaxResult, nil)
	if err != nil || !found {
		return err
	}
	for _, d := range digestsIn(data) {
		c.keep[d] = true
	}
	return nil
}

func (c *collection) blob(ctx context.Context, o *gocloud.ListObject) error {
	digest := path.Base(o.Key)
	data, found, err := c.store.get(ctx, o.Key, blob.MaxList, nil)
	if err != nil || !found {
		return err
	}
	list, damaged := parse(data, digest)
	removed, err := c.sweep(ctx, o, c.keep[digest], &c.out.Blobs)
	switch {
	case err != nil:
		return err
	case removed:
		c.removed("blob", digest, list.Size(), o)
	case damaged != nil:
		c.out.Damaged = append(c.out.Damaged, digest)
	default:
		for _, chunk := range list.Chunks {
			c.chunks[bytesOf(chunk.Digest)] = true
		}
	}
	return nil
}

func (c *collection) chunk(ctx context.Context, o *gocloud.ListObject) error {
	_, err := c.sweep(ctx, o, c.chunks[bytesOf(path.Base(o.Key))], &c.out.Chunks)
	return err
}

func (c *collection) lifecycle(ctx context.Context, o *gocloud.ListObject) error {
	digest := path.Base(o.Key)
	removed, err := c.sweep(ctx, o, c.keep[digest], &c.out.Lifecycles)
	if removed {
		c.removed("lifecycle", digest, o.Size, o)
	}
	return err
}

func (c *collection) report() blob.Collected {
	slices.SortStableFunc(c.out.Items, func(a, b blob.CollectedItem) int { return a.Written.Compare(b.Written) })
	c.out.Items = c.out.Items[:min(len(c.out.Items), blob.MaxCollectedItems)]
	return c.out
}

var digestPattern = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// digestsIn are all digests in a text.
func digestsIn(data []byte) []string {
	var all []string
	for _, d := range digestPattern.FindAll(data, -1) {
		all = append(all, string(d))
	}
	return all
}
