package staging

import (
	"context"
	"fmt"
	"io"
	"strings"

	"wadi/stage/archive"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// uploadDir stores a folder as a blob, if it fits the disk of the staging.
func (t *task) uploadDir(ctx context.Context, dir string) (blob.Blob, blob.Progress, error) {
	items, err := archive.Items(ctx, dir)
	if err == nil {
		err = checkSize(items, int64(t.DiskMB)<<20)
	}
	if err != nil {
		return blob.Blob{}, blob.Progress{}, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(archive.Write(ctx, w, archive.Dir(dir), items)) }()
	stored, sent, err := t.client.Upload(ctx, r, nil)
	r.CloseWithError(err) // the writer ends too, if the upload did first
	return stored, sent, err
}

// tooBigError is a folder with more in it than the disk of a staging, which a
// file with holes can have, and which no instance could unpack.
type tooBigError struct {
	Size, Limit int64 // bytes
	Entries     int
	Biggest     archive.Item
}

func (e *tooBigError) Error() string {
	if e.Entries > archive.MaxEntries {
		return fmt.Sprintf("it has %d files and folders, more than %d: leave out what the app does not need", e.Entries, archive.MaxEntries)
	}
	return fmt.Sprintf("it has %s, more than the disk of the staging, %s (%s alone has %s): leave out what the app does not need, or raise its disk",
		lifecycle.FormatSize(e.Size), lifecycle.FormatSize(e.Limit), e.Biggest.Path, lifecycle.FormatSize(e.Biggest.Size))
}

// tooDeepError is a folder with something in it that lies deeper than an
// instance unpacks.
type tooDeepError struct{ Path string }

func (e *tooDeepError) Error() string {
	begin := strings.SplitN(e.Path, "/", 5)
	begin[len(begin)-1] = "…"
	return fmt.Sprintf("it has files more than %d folders deep (in %s), which no instance unpacks: leave out what the app does not need",
		archive.MaxDepth, strings.Join(begin, "/"))
}

// checkSize refuses what is too much or too deep; limit 0 = none.
func checkSize(items []archive.Item, limit int64) error {
	e := tooBigError{Limit: limit, Entries: len(items)}
	for _, item := range items {
		if archive.TooDeep(item.Path) {
			return &tooDeepError{Path: item.Path}
		}
		if !item.Mode.IsRegular() || item.Same != "" {
			continue
		}
		e.Size += item.Size
		if item.Size > e.Biggest.Size {
			e.Biggest = item
		}
	}
	if e.Entries > archive.MaxEntries || limit > 0 && e.Size > limit {
		return &e
	}
	return nil
}
