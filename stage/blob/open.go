package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Open returns the blob's content. It reads ahead by a few chunks in parallel
// (below 20 MiB), and hands out no byte of a chunk before that chunk was
// verified; a failure names chunk and blob. The list is fetched and verified
// before Open returns; ErrNotFound if there is none. The reader must be
// closed, and ends with ctx.
func (c *Client) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	list, err := c.list(ctx, digest)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{
		client: c, ctx: ctx, cancel: cancel, blob: digest,
		slots: make(chan *slot, transfers),
		next:  make(chan chan fetched, transfers),
	}
	for range transfers {
		r.slots <- &slot{}
	}
	r.running.Go(func() { r.fetchAll(list.Chunks) })
	return r, nil
}

// list fetches and verifies a blob's list, once more if it came damaged.
func (c *Client) list(ctx context.Context, digest string) (List, error) {
	op := "open blob " + digest
	if err := checkDigest(digest); err != nil {
		return List{}, fmt.Errorf("%s: %w", op, err)
	}
	k := call{op: op, method: http.MethodGet, path: "/v1/blobs/" + digest, limit: MaxList}
	r, err := c.do(ctx, k)
	if err == nil && digestOf(r.body) != digest {
		r, err = c.do(ctx, k)
	}
	if err != nil {
		return List{}, err
	}
	if got := digestOf(r.body); got != digest {
		return List{}, fmt.Errorf("%s: its list is %w: its %d bytes have the sha256 %s", op, ErrDamaged, len(r.body), got)
	}
	l, err := ParseList(bytes.NewReader(r.body))
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", op, err)
	}
	return l, nil
}

// slot is the memory for one chunk on its way.
type slot struct{ encoded, data []byte }

// grow makes sure that there is room for a chunk of that size.
func (s *slot) grow(size int) {
	if cap(s.data) < size {
		s.data = make([]byte, 0, room(size))
		s.encoded = make([]byte, 0, cap(s.data)+MaxEncodedChunk-MaxChunk)
	}
}

// fetched is a verified chunk, or why there is none.
type fetched struct {
	slot *slot
	err  error
}

type reader struct {
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	blob    string
	slots   chan *slot        // free memory: bounds what is read ahead
	next    chan chan fetched // chunks in order; closed after the last
	running sync.WaitGroup

	current *slot  // being read
	rest    []byte // of current
	err     error  // sticky
}

// fetchAll starts a fetch for every chunk in order, as far as there is memory.
func (r *reader) fetchAll(chunks []Chunk) {
	defer close(r.next)
	for i, chunk := range chunks {
		var s *slot
		select {
		case s = <-r.slots:
		case <-r.ctx.Done():
			return
		}
		done := make(chan fetched, 1)
		r.running.Go(func() {
			err := r.fetch(s, chunk)
			if err != nil {
				err = fmt.Errorf("read blob %s: chunk %d of %d: %w", r.blob, i+1, len(chunks), err)
			}
			done <- fetched{s, err}
		})
		r.next <- done // has room for every slot
	}
}

// fetch gets one chunk into s. Bytes that are not the chunk are asked for
// once more: the second time the server looks whether they rest so.
func (r *reader) fetch(s *slot, chunk Chunk) error {
	s.grow(chunk.Size)
	err := r.fetchOnce(s, chunk, "")
	if errors.Is(err, ErrDamaged) {
		err = r.fetchOnce(s, chunk, "?verify=1")
	}
	return err
}

func (r *reader) fetchOnce(s *slot, chunk Chunk, query string) error {
	reply, err := r.client.do(r.ctx, call{
		op:     "download chunk " + chunk.Digest,
		method: http.MethodGet, path: "/v1/chunks/" + chunk.Digest + query,
		limit: MaxEncodedChunk, into: s.encoded,
	})
	if err != nil {
		return err
	}
	s.encoded = reply.body
	data, err := DecodeChunk(s.data, reply.body, chunk.Digest)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(data) != chunk.Size {
		return fmt.Errorf("%w: chunk %s has %d bytes, the list says %d", ErrDamaged, chunk.Digest, len(data), chunk.Size)
	}
	s.data = data
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.err = r.advance()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// advance makes the next chunk current.
func (r *reader) advance() error {
	if r.current != nil {
		r.slots <- r.current
		r.current = nil
	}
	done, ok := <-r.next
	if !ok {
		if err := r.ctx.Err(); err != nil {
			return fmt.Errorf("read blob %s: %w", r.blob, context.Cause(r.ctx))
		}
		return io.EOF
	}
	f := <-done
	if f.err != nil {
		r.cancel()
		return f.err
	}
	r.current, r.rest = f.slot, f.slot.data
	return nil
}

// Close implements io.Closer: it ends all transfers and waits for them.
func (r *reader) Close() error {
	r.cancel()
	r.running.Wait()
	if r.err == nil {
		r.err = fmt.Errorf("read blob %s: the reader is closed", r.blob)
	}
	r.rest = nil
	return nil
}
