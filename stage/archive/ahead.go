package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"sync"
)

const (
	smallFile  = 256 << 10 // bytes up to which a file is read ahead as a whole
	batchBytes = 1 << 20   // of content in a batch, about
	batchItems = 64
)

// batch is a run of consecutive items; one goroutine loads all of it, so that
// handing over costs little a file.
type batch struct {
	items []Item
	files []loaded // the contents, valid once done is closed
	done  chan struct{}
	buf   *[]byte
}

// loaded is the content of a small file.
type loaded struct {
	data []byte
	err  error
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, batchBytes+smallFile+batchItems); return &b }}

func (b *batch) release() {
	buffers.Put(b.buf)
	b.buf, b.files = nil, nil
}

// ahead loads batches in parallel and hands them out in order.
type ahead struct {
	batches chan *batch
	wg      sync.WaitGroup
}

// wait returns when no goroutine is left; the context must have ended, or all
// batches have been taken.
func (a *ahead) wait() { a.wg.Wait() }

func readAhead(ctx context.Context, from Source, items []Item) *ahead {
	workers := max(2, runtime.GOMAXPROCS(0))
	a := &ahead{batches: make(chan *batch, 2*workers)}
	jobs := make(chan *batch)
	a.wg.Go(func() {
		defer close(jobs)
		defer close(a.batches)
		for len(items) > 0 {
			b := &batch{done: make(chan struct{})}
			b.items, items = cut(items)
			for _, c := range []chan *batch{a.batches, jobs} {
				select {
				case c <- b:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range workers {
		a.wg.Go(func() {
			for b := range jobs {
				b.load(ctx, from)
			}
		})
	}
	return a
}

// cut takes the next batch off items.
func cut(items []Item) (head, rest []Item) {
	var bytes int64
	n := 0
	for n < len(items) && n < batchItems && bytes < batchBytes {
		if hasContent(items[n]) && items[n].Size <= smallFile {
			bytes += items[n].Size
		}
		n++
	}
	return items[:n], items[n:]
}

func (b *batch) load(ctx context.Context, from Source) {
	defer close(b.done)
	b.buf = buffers.Get().(*[]byte)
	b.files = make([]loaded, len(b.items))
	rest := (*b.buf)[:cap(*b.buf)]
	for i, item := range b.items {
		if !hasContent(item) || item.Size > smallFile {
			continue
		}
		if ctx.Err() != nil {
			b.files[i].err = context.Cause(ctx)
			return
		}
		// One byte more than expected shows whether the file has grown.
		room := rest[:item.Size+1]
		rest = rest[item.Size:]
		b.files[i] = loadFile(from, item, room)
	}
}

func loadFile(from Source, item Item, room []byte) loaded {
	f, err := from.Open(item.Path)
	if err != nil {
		return loaded{err: err}
	}
	defer f.Close()
	least := len(room)
	if _, ok := f.(rawFile); ok {
		// A file gives all it has at once. To ask again for the end would be
		// one system call in four; what checks itself there is asked.
		least = max(1, int(item.Size))
	}
	n, err := io.ReadAtLeast(f, room, least)
	if n == len(room) && item.Digest == "" {
		return loaded{data: room[:item.Size]} // it has grown
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return loaded{err: fmt.Errorf("cannot read %q: %w", item.Path, err)}
	}
	if int64(n) != item.Size {
		return loaded{err: &ChangedError{Path: item.Path}}
	}
	if item.Digest != "" {
		if sum := sha256.Sum256(room[:n]); hex.EncodeToString(sum[:]) != item.Digest {
			return loaded{err: &ChangedError{Path: item.Path}}
		}
	}
	return loaded{data: room[:n]}
}
