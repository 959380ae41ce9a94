package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"wadi/stage/blob"
)

// headBlob also looks for every chunk: who asks is about to leave out an
// upload, and a lost chunk would then be lost for good. Chunks that changed
// after the blob's list was written are read, with ?verify all of them; those
// that are damaged are dropped and named.
func (s *server) headBlob(w http.ResponseWriter, r *http.Request) error {
	digest, data, list, err := s.stored(r)
	if err != nil {
		return err
	}
	var since time.Time
	if r.URL.Query().Get("verify") == "" {
		var found bool
		if since, found, err = s.store.changed(r.Context(), blobKey(digest)); err != nil {
			return err
		}
		if !found {
			return notStored("blob " + digest)
		}
	}
	c := check{server: s, since: since}
	if err := c.run(r.Context(), list); err != nil {
		return err
	}
	if c.missing > 0 {
		return &refusal{status: http.StatusNotFound, damaged: c.damaged,
			reason: fmt.Sprintf("blob %s: %d of its chunks are no longer stored", digest, c.missing)}
	}
	if c.read && !since.IsZero() {
		// written anew, the list is younger than what was just found to be well
		if err := s.store.put(r.Context(), blobKey(digest), listType, data); err != nil {
			return err
		}
	}
	s.send(w, r, http.StatusOK, listType, data)
	return nil
}

// check looks at the chunks of one blob.
type check struct {
	*server
	since time.Time // chunks that changed then or later are read: clocks of file systems tick slowly

	mu      sync.Mutex
	missing int      // damaged ones too
	damaged []string // in words, sorted
	read    bool     // some chunk was read
}

func (c *check) run(ctx context.Context, list blob.List) error {
	all := digests(list)
	c.uses.note(all...)
	slices.Sort(all)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for _, digest := range slices.Compact(all) {
		group.Go(func() error { return c.chunk(ctx, digest) })
	}
	err := group.Wait()
	slices.Sort(c.damaged)
	return err
}

func (c *check) chunk(ctx context.Context, digest string) error {
	at, found, err := c.store.changed(ctx, chunkKey(digest))
	if err != nil {
		return err
	}
	var damage error
	if found && !at.Before(c.since) {
		if found, damage, err = c.verify(ctx, digest); err != nil {
			return err
		}
		if damage != nil {
			if err := c.drop(ctx, chunkKey(digest), damage); err != nil {
				return err
			}
		}
		c.mu.Lock()
		c.read = true
		c.mu.Unlock()
	}
	if found && damage == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.missing++
	if damage != nil {
		c.damaged = append(c.damaged, "chunk "+digest)
	}
	return nil
}

// verify reads a chunk; damage says that it is not what its name says.
func (s *server) verify(ctx context.Context, digest string) (found bool, damage, err error) {
	err = s.withBuffers(ctx, func(b *buffers) error {
		found, damage, err = s.readChunk(ctx, digest, b)
		return err
	})
	return found, damage, err
}

// readChunk reads a chunk into the memory, verified.
func (s *server) readChunk(ctx context.Context, digest string, b *buffers) (found bool, damage, err error) {
	encoded, found, err := s.store.get(ctx, chunkKey(digest), blob.MaxEncodedChunk, b.encoded)
	if errors.Is(err, errTooBig) {
		return true, err, nil
	}
	if err != nil || !found {
		return false, nil, err
	}
	b.encoded = encoded
	data, damage := blob.DecodeChunk(b.data, encoded, digest)
	if damage == nil {
		b.data = data
	}
	return true, damage, nil
}

// drop removes what is not what its name says.
func (s *server) drop(ctx context.Context, key string, why error) error {
	s.log.ErrorContext(ctx, "removing what is damaged at rest", "key", key, "error", why)
	return s.store.remove(ctx, key)
}

// dropped drops it and answers that it is gone.
func (s *server) dropped(ctx context.Context, key, what string, why error) error {
	if err := s.drop(ctx, key, why); err != nil {
		return err
	}
	return &refusal{status: http.StatusNotFound, damaged: []string{what},
		reason: fmt.Sprintf("%s was damaged in the store and is removed: upload what it belongs to again (%v)", what, why)}
}
