package server

import (
	"encoding/hex"
	"sync"
	"time"
)

// usesKept is how long uses are remembered, and so the longest grace of a
// collection.
const usesKept = 24 * time.Hour

// uses remembers which digests were asked for or written lately. Who was told
// that a chunk or blob is there leaves out its upload, and refers to it only
// a while later: until then nothing but this memory keeps it.
//
// A use is noted before the back end is asked, and what goes is removed with
// its shard locked: so who is told that something is there can rely on it.
type uses struct {
	now    func() time.Time
	since  time.Time // what was before is not known
	shards [256]useShard
}

type useShard struct {
	mu    sync.Mutex
	last  map[[digestBytes]byte]int64 // unix nanoseconds
	prune int                         // at this size
}

const (
	digestBytes = 32
	prunedLeast = 1024
)

func newUses(now func() time.Time) *uses {
	u := &uses{now: now, since: now()}
	for i := range u.shards {
		u.shards[i].last = map[[digestBytes]byte]int64{}
		u.shards[i].prune = prunedLeast
	}
	return u
}

// bytesOf is a digest in half the memory; valid ones only.
func bytesOf(digest string) (b [digestBytes]byte) {
	_, _ = hex.Decode(b[:], []byte(digest)) // checked where it came in
	return b
}

// note remembers that the digests are in use now.
func (u *uses) note(digests ...string) {
	now := u.now().UnixNano()
	for _, digest := range digests {
		b := bytesOf(digest)
		shard := &u.shards[b[0]]
		shard.mu.Lock()
		shard.last[b] = now
		if len(shard.last) >= shard.prune {
			shard.forget(now - int64(usesKept))
		}
		shard.mu.Unlock()
	}
}

func (s *useShard) forget(before int64) {
	for b, at := range s.last {
		if at < before {
			delete(s.last, b)
		}
	}
	s.prune = max(prunedLeast, 2*len(s.last))
}

// unlessUsed carries remove out unless the digest was used at or after a time;
// a use that comes meanwhile waits.
func (u *uses) unlessUsed(digest string, after time.Time, remove func() error) (removed bool, err error) {
	b := bytesOf(digest)
	shard := &u.shards[b[0]]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if at, ok := shard.last[b]; ok && at >= after.UnixNano() {
		return false, nil
	}
	return true, remove()
}
