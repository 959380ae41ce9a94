package blob

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"
)

// MaxAsk is the most chunk digests that one POST /v1/missing takes.
const MaxAsk = 4096

// An upload holds at most heldChunks chunks of at most MaxChunk each, those
// on the wire once more compressed, and the chunker's buffer: below 30 MiB.
// The memory is taken once and used again, so the collector leaves no more.
const (
	heldChunks = 8
	askChunks  = 4 // a batch for POST /v1/missing
)

// held is a chunk in memory.
type held struct {
	digest string
	data   []byte
}

// upload is the state of one Upload: produce -> ask -> send.
type upload struct {
	client  *Client
	slots   chan []byte // memory for chunks: taken by produce, given back when a chunk is done
	batches chan []held
	sends   chan held
	list    List // produce's

	mu         sync.Mutex
	progress   Progress
	onProgress func(Progress)
}

// Upload stores everything that r gives as one blob, sending only chunks that
// the store lacks; after an interruption the next Upload of the same bytes
// goes on where that one ended. onProgress (may be nil) is called once a
// chunk, never concurrently. It does not return while r.Read blocks, even if
// ctx is done.
func (c *Client) Upload(ctx context.Context, r io.Reader, onProgress func(Progress)) (Blob, Progress, error) {
	if onProgress == nil {
		onProgress = func(Progress) {}
	}
	u := &upload{
		client:     c,
		slots:      make(chan []byte, heldChunks),
		batches:    make(chan []held),
		sends:      make(chan held),
		onProgress: onProgress,
	}
	for range heldChunks {
		u.slots <- nil // grown when first used
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return u.produce(gctx, r) })
	g.Go(func() error { return u.ask(gctx) })
	for range transfers {
		g.Go(func() error { return u.send(gctx) })
	}
	if err := g.Wait(); err != nil {
		return Blob{}, u.progress, err
	}
	body := u.list.Encode()
	blob := u.list.Blob()
	_, err := c.do(ctx, call{
		op:     "commit blob " + blob.Digest,
		method: http.MethodPut, path: "/v1/blobs/" + blob.Digest, body: body, limit: maxErrorBody, works: true,
	})
	if err != nil {
		return Blob{}, u.progress, err
	}
	return blob, u.progress, nil
}

// count adds to the progress and reports it.
func (u *upload) count(d Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress.Read += d.Read
	u.progress.Uploaded += d.Uploaded
	u.progress.Reused += d.Reused
	u.progress.Sent += d.Sent
	u.onProgress(u.progress)
}

// produce cuts r into chunks and hands them on in batches.
func (u *upload) produce(ctx context.Context, r io.Reader) error {
	defer close(u.batches)
	var batch []held
	flush := func() error {
		b := batch
		batch = nil
		return give(ctx, u.batches, b)
	}
	seen := map[string]bool{}
	err := split(r, func(data []byte) error {
		digest := digestOf(data)
		if err := u.list.add(digest, len(data)); err != nil {
			return err
		}
		u.count(Progress{Read: int64(len(data))})
		if seen[digest] {
			u.count(Progress{Reused: int64(len(data))})
			return nil
		}
		seen[digest] = true
		var slot []byte
		select {
		case slot = <-u.slots:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if cap(slot) < len(data) {
			slot = make([]byte, 0, room(len(data)))
		}
		batch = append(batch, held{digest, append(slot[:0], data...)})
		if len(batch) < askChunks {
			return nil
		}
		return flush()
	})
	if err != nil {
		return fmt.Errorf("read the blob's content: %w", err)
	}
	if len(batch) == 0 {
		return nil
	}
	return flush()
}

// room is what to take for a chunk of that size: enough for every other if it
// is one of several, no more than needed if it is all there is.
func room(size int) int {
	if size < minChunk {
		return size
	}
	return MaxChunk
}

// ask sorts batches into what the store has and what it lacks.
func (u *upload) ask(ctx context.Context) error {
	defer close(u.sends)
	for batch := range u.batches {
		digests := make([]string, len(batch))
		for i, h := range batch {
			digests[i] = h.digest
		}
		missing, err := u.client.missing(ctx, digests)
		if err != nil {
			return err
		}
		for _, h := range batch {
			if missing[h.digest] {
				if err := give(ctx, u.sends, h); err != nil {
					return err
				}
				continue
			}
			u.count(Progress{Reused: int64(len(h.data))})
			u.slots <- h.data // has room for every slot
		}
	}
	return ctx.Err()
}

// send compresses and uploads chunks.
func (u *upload) send(ctx context.Context) error {
	var encoded []byte
	for h := range u.sends {
		if cap(encoded) == 0 {
			encoded = make([]byte, 0, room(len(h.data))+MaxEncodedChunk-MaxChunk)
		}
		var err error
		// The memory is used again only after a success, when the server has
		// read it all: after a failure the transport may still hold it.
		if encoded, err = EncodeChunk(encoded[:0], h.data); err != nil {
			return err
		}
		_, err = u.client.do(ctx, call{
			op:     "upload chunk " + h.digest,
			method: http.MethodPut, path: "/v1/chunks/" + h.digest, body: encoded, limit: maxErrorBody,
		})
		if err != nil {
			return err
		}
		u.count(Progress{Uploaded: int64(len(h.data)), Sent: int64(len(encoded))})
		u.slots <- h.data
	}
	return nil
}

// give sends v unless ctx ends first.
func give[T any](ctx context.Context, ch chan<- T, v T) error {
	select {
	case ch <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// missing asks which of the chunks the store lacks.
func (c *Client) missing(ctx context.Context, digests []string) (map[string]bool, error) {
	const op = "ask for missing chunks"
	body, err := json.Marshal(digests)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	r, err := c.do(ctx, call{op: op, method: http.MethodPost, path: "/v1/missing", body: body, limit: maxErrorBody})
	if err != nil {
		return nil, err
	}
	var lacking []string
	if err := json.Unmarshal(r.body, &lacking); err != nil {
		return nil, fmt.Errorf("%s: the answer is not a JSON array of digests: %w", op, err)
	}
	set := make(map[string]bool, len(lacking))
	for _, d := range lacking {
		set[d] = true
	}
	return set, nil
}
