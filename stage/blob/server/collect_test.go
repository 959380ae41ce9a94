package server

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocloud "gocloud.dev/blob"

	"wadi/stage/blob"
)

// clock is the time of a server, which a test puts forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }
func clockedStore(t *testing.T, bucket *gocloud.Bucket) (*blob.Client, *clock) {
	t.Helper()
	f, c := &fixture{nomad: newNomad(t)}, &clock{}
	f.url = serveWith(t, Options{Bucket: bucket, Auth: f.newAuth(t), Logger: discard(), now: c.now}, nil)
	return f.operator(t), c
}

func has(t *testing.T, c *blob.Client, digest string) bool {
	t.Helper()
	has, err := c.Has(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return has
}

// What every back end leaves and removes.
func TestCollect(t *testing.T) {
	t.Parallel()
	for name, open := range backEnds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, clock := clockedStore(t, open(t))
			collects(t, c, clock)
		})
	}
}

func collects(t *testing.T, c *blob.Client, clock *clock) {
	ctx := t.Context()
	// two blobs that share chunks, one that a result names, one of nobody
	shared := noiseBytes(t, 1, 5<<20)
	kept, _, err := c.Upload(ctx, bytes.NewReader(shared), nil)
	if err != nil {
		t.Fatal(err)
	}
	sharing, _, err := c.Upload(ctx, bytes.NewReader(append(bytes.Clone(shared), "more"...)), nil)
	if err != nil {
		t.Fatal(err)
	}
	named, nobodys := upload(t, c, 2, 1000), upload(t, c, 3, 3<<20)
	key, oldKey := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	for k, body := range map[string]string{key: `{"droplet":"` + named.Digest + `"}`, oldKey: `{"droplet":"` + nobodys.Digest + `"}`} {
		if err := c.PutResult(ctx, "dev", k, 1, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	life, oldLife := []byte("the lifecycle"), []byte("an old lifecycle")
	for _, l := range [][]byte{life, oldLife} {
		if err := c.PutLifecycle(ctx, sum(l), bytes.NewReader(l)); err != nil {
			t.Fatal(err)
		}
	}
	what := blob.Collect{
		Digests: []string{kept.Digest, sum(life), "not a digest"}, Results: []blob.ResultName{{Space: "dev", Key: key}}, Grace: time.Hour,
	}
	if _, err := c.Collect(ctx, what); !errors.Is(err, blob.ErrConflict) || !strings.Contains(err.Error(), "has been up for") {
		t.Errorf("a server that has just started: %v, want ErrConflict", err)
	}
	clock.forward(90 * time.Minute)
	young := upload(t, c, 4, 2<<20) // by the clock of the back end old, but just used

	what.DryRun = true
	would, err := c.Collect(ctx, what)
	if err != nil {
		t.Fatal(err)
	}
	if !has(t, c, kept.Digest) || would.Blobs.Removed != 2 || would.Results.Removed != 1 || would.Lifecycles.Removed != 1 || would.Chunks.Removed == 0 {
		t.Errorf("a dry run: %+v", would)
	}
	what.DryRun = false
	done, err := c.Collect(ctx, what)
	if err != nil {
		t.Fatal(err)
	}
	if done.Blobs != would.Blobs || done.Chunks != would.Chunks || done.Results != would.Results || done.Lifecycles != would.Lifecycles || len(done.Items) != 4 {
		t.Errorf("removed %+v, announced %+v", done, would)
	}
	for name, b := range map[string]blob.Blob{"kept": kept, "named by a result": named, "young": young} {
		if !has(t, c, b.Digest) {
			t.Errorf("%s: it is gone", name)
		}
	}
	if got, err := readAll(t, c, kept.Digest); err != nil || !bytes.Equal(got, shared) {
		t.Errorf("what shared chunks: %d bytes, error %v", len(got), err)
	}
	for name, b := range map[string]blob.Blob{"sharing": sharing, "nobody's": nobodys} {
		if has(t, c, b.Digest) {
			t.Errorf("%s: it is still there", name)
		}
	}
	if _, err := c.Result(ctx, "dev", oldKey); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the old result: %v", err)
	}
	if _, err := c.Result(ctx, "dev", key); err != nil {
		t.Errorf("the kept result: %v", err)
	}
	if there, err := c.HasLifecycle(ctx, sum(oldLife)); there || err != nil {
		t.Errorf("the old lifecycle: %v, error %v", there, err)
	}
	if there, err := c.HasLifecycle(ctx, sum(life)); !there || err != nil {
		t.Errorf("the lifecycle: %v, error %v", there, err)
	}
	if again, err := c.Collect(ctx, what); err != nil || again.Chunks.Removed+again.Blobs.Removed > 0 {
		t.Errorf("again: %+v, error %v", again, err)
	}
	if made := upload(t, c, 3, 3<<20); made != nobodys || !has(t, c, made.Digest) {
		t.Errorf("what was removed cannot be stored again: %+v", made)
	}
}

func TestCollectRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.operator(t)
	for _, grace := range []time.Duration{-time.Second, 25 * time.Hour} {
		if _, err := c.Collect(t.Context(), blob.Collect{Grace: grace}); err == nil || !strings.Contains(err.Error(), "not between") {
			t.Errorf("a grace of %s: %v", grace, err)
		}
	}
	if err := authorize(identity{Namespace: "dev", Job: blob.StagingJobID("app", strings.Repeat("ab", 32), "x"), Task: "stage"}, action{Verb: verbCollect}); err == nil {
		t.Error("a staging job may collect garbage")
	}
	if err := authorize(identity{Namespace: "dev", Job: "app", Task: "web"}, action{Verb: verbCollect}); err == nil {
		t.Error("an app may collect garbage")
	}
}

// Clients upload the same few blobs over and over, and rely on what they are
// told is there, while a collection after the other removes all that was not
// used since the one before. Between an answer and what relies on it the
// clock stands, as within a grace; the collections don't.
func TestCollectBesideUploads(t *testing.T) {
	t.Parallel()
	bucket, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, clock := clockedStore(t, bucket)
	var graces sync.RWMutex // read-held by what is within one grace
	contents := make([][]byte, 4)
	for i := range contents { // with chunks in common
		contents[i] = append(noiseBytes(t, 9, 2<<20), noiseBytes(t, byte(i), 1<<20)...)
	}
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				graces.RLock()
				err := useOne(t, c, contents[rand.N(len(contents))])
				graces.RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	removed := 0
	for range 40 {
		graces.Lock()
		clock.forward(2 * time.Hour)
		graces.Unlock()
		done, err := c.Collect(t.Context(), blob.Collect{Grace: time.Hour})
		if err != nil {
			t.Error(err)
			break
		}
		removed += done.Chunks.Removed
	}
	close(stop)
	workers.Wait()
	if removed == 0 {
		t.Error("nothing was ever removed: this tests nothing")
	}
}

func useOne(t *testing.T, c *blob.Client, data []byte) error {
	t.Helper()
	b, _, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil {
		return err
	}
	got, err := readAll(t, c, b.Digest)
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("other bytes came back")
	}
	return err
}

// Uses older than they are kept make room for others.
func TestUsesAreForgotten(t *testing.T) {
	t.Parallel()
	c := &clock{}
	u := newUses(c.now)
	for i := range 10_000 {
		if i%1000 == 0 {
			c.forward(usesKept)
		}
		u.note(sum([]byte{byte(i), byte(i >> 8)}))
	}
	for i := range u.shards {
		u.shards[i].forget(c.now().Add(-usesKept).UnixNano())
	}
	left := 0
	for i := range u.shards {
		left += len(u.shards[i].last)
	}
	if left > 1000 {
		t.Errorf("%d uses are remembered of the last 1000", left)
	}
}
