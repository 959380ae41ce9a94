package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"wadi/internal/s3test"
	"wadi/stage/blob"
)

// backEnds are all that a server may stand on, each opened empty.
var backEnds = map[string]func(t *testing.T) *gocloud.Bucket{
	"file": func(t *testing.T) *gocloud.Bucket {
		b, err := OpenDir(filepath.Join(t.TempDir(), "new", "folder"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
	"memory": func(*testing.T) *gocloud.Bucket { return memblob.OpenBucket(nil) },
	"s3":     func(t *testing.T) *gocloud.Bucket { return openS3(t, s3test.Start(t), "") },
	"s3 folder": func(t *testing.T) *gocloud.Bucket {
		return openS3(t, s3test.Start(t), "some/folder")
	},
}

func openS3(t *testing.T, s *s3test.Server, folder string) *gocloud.Bucket {
	t.Helper()
	at, err := ParseS3Store(s.URL(folder))
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenS3(t.Context(), at, s.CredentialsFile(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What every back end must do.
func TestBackEnds(t *testing.T) {
	t.Parallel()
	for name, open := range backEnds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := open(t)
			f := &fixture{nomad: newNomad(t)}
			f.url = serve(t, bucket, f.newAuth(t), nil)
			c := f.operator(t)
			t.Run("round trip", func(t *testing.T) { roundTrips(t, c) })
			t.Run("results", func(t *testing.T) { keepsResults(t, c) })
			t.Run("lifecycle", func(t *testing.T) { keepsLifecycles(t, c, f) })
			t.Run("one chunk from many", func(t *testing.T) { takesOneChunkFromMany(t, c) })
			t.Run("broken off", func(t *testing.T) { leavesNothingHalfWritten(t, f, bucket) })
			t.Run("damage", func(t *testing.T) { dropsWhatIsDamaged(t, c, bucket) })
			if err := c.Health(t.Context()); err != nil {
				t.Errorf("Health: %v", err)
			}
		})
	}
}

func roundTrips(t *testing.T, c *blob.Client) {
	for i, size := range []int64{0, 1, 1000, blob.MaxChunk, 9 << 20} {
		data := noiseBytes(t, byte(i), size)
		want := blobOf(t, data)
		if has, err := c.Has(t.Context(), want.Digest); has || err != nil {
			t.Errorf("%d bytes: Has before = %v, error %v", size, has, err)
		}
		if _, err := c.Open(t.Context(), want.Digest); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%d bytes: Open before: %v", size, err)
		}
		var last blob.Progress
		got, p, err := c.Upload(t.Context(), iotest.HalfReader(bytes.NewReader(data)), func(p blob.Progress) { last = p })
		if err != nil || got != want {
			t.Fatalf("%d bytes: uploaded %+v, error %v, want %+v", size, got, err, want)
		}
		if p != last || p.Read != size || p.Uploaded != size || p.Reused != 0 || p.Sent < size {
			t.Errorf("%d bytes: progress %+v, last reported %+v", size, p, last)
		}
		if has, err := c.Has(t.Context(), want.Digest); !has || err != nil {
			t.Errorf("%d bytes: Has = %v, error %v", size, has, err)
		}
		r, err := c.Open(t.Context(), want.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, data); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%d bytes: close: %v", size, err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes: a closed reader reads on", size)
		}
	}
}

func keepsResults(t *testing.T, c *blob.Client) {
	key := strings.Repeat("ab", 32)
	if _, err := c.Result(t.Context(), "dev", key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	if err := c.PutResult(t.Context(), "dev", key, 2, []byte(`{"generation":2}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.PutResult(t.Context(), "dev", key, 2, []byte(`{"generation":2}`)); !errors.Is(err, blob.ErrConflict) {
		t.Errorf("again: %v", err)
	}
	if got, err := c.Result(t.Context(), "dev", key); err != nil || string(got) != `{"generation":2}` {
		t.Errorf("got %s, error %v", got, err)
	}
	if _, err := c.Result(t.Context(), "prod", key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("another space: %v", err)
	}
}

// keepsLifecycles goes by way of a stream, in more than one part on S3.
func keepsLifecycles(t *testing.T, c *blob.Client, f *fixture) {
	data := noiseBytes(t, 40, 12<<20)
	digest := sum(data)
	if has, err := c.HasLifecycle(t.Context(), digest); has || err != nil {
		t.Fatalf("before: %v, error %v", has, err)
	}
	if err := c.PutLifecycle(t.Context(), digest, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	status, got := f.request(t, http.MethodGet, "/v1/lifecycle/"+digest, nil)
	if status != http.StatusOK || got != string(data) {
		t.Errorf("%d with %d bytes, want all %d", status, len(got), len(data))
	}
	wrong := sum([]byte("another"))
	if status, answer := f.request(t, http.MethodPut, "/v1/lifecycle/"+wrong, bytes.NewReader(data)); status != http.StatusUnprocessableEntity {
		t.Errorf("bytes of another name: %d %s", status, answer)
	}
	if has, err := c.HasLifecycle(t.Context(), wrong); has || err != nil {
		t.Errorf("after refused bytes: %v, error %v", has, err)
	}
}

// takesOneChunkFromMany has clients upload and read the same at once: nobody
// fails, and what is there is whole at any time.
func takesOneChunkFromMany(t *testing.T, c *blob.Client) {
	data := noiseBytes(t, 41, 2<<20)
	want := blobOf(t, data)
	var running sync.WaitGroup
	for range 6 {
		running.Go(func() {
			got, _, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
			if err != nil || got != want {
				t.Errorf("uploaded %+v, error %v", got, err)
				return
			}
			if got, err := readAll(t, c, want.Digest); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
	running.Wait()
}

// breaking ends with an error after its bytes, like a client that dies.
func breaking(data []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errors.New("the client died")))
}

// leavesNothingHalfWritten breaks uploads off in the middle of their bodies.
func leavesNothingHalfWritten(t *testing.T, f *fixture, bucket *gocloud.Bucket) {
	chunk := noiseBytes(t, 42, 1<<20)
	encoded, err := blob.EncodeChunk(nil, chunk)
	if err != nil {
		t.Fatal(err)
	}
	life := noiseBytes(t, 43, 12<<20)
	for path, body := range map[string][]byte{"/v1/chunks/" + sum(chunk): encoded, "/v1/lifecycle/" + sum(life): life} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.url+path, breaking(body[:len(body)*9/10]))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = int64(len(body))
		req.Header.Set("Authorization", "Bearer "+peopleToken)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s: a body that broke off was answered with %s", path, resp.Status)
		}
		// its write may still be on its way out: what comes after it is whole
		if status, answer := f.request(t, http.MethodGet, path, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d with %d bytes", path, status, len(answer))
		}
		if status, answer := f.request(t, http.MethodPut, path, bytes.NewReader(body)); status != http.StatusCreated {
			t.Errorf("%s: sent again: %d %s", path, status, answer)
		}
	}
	s := store{bucket}
	if got, found, err := s.get(t.Context(), chunkKey(sum(chunk)), blob.MaxEncodedChunk, nil); err != nil || !found || !bytes.Equal(got, encoded) {
		t.Errorf("after all there are %d bytes, found %v, error %v", len(got), found, err)
	}
}

// dropsWhatIsDamaged reads chunks that rest truncated, tampered with and
// swapped: each is named, and the next upload makes it anew.
func dropsWhatIsDamaged(t *testing.T, c *blob.Client, bucket *gocloud.Bucket) {
	data := noiseBytes(t, 44, 1000)
	other, err := blob.EncodeChunk(nil, []byte("another chunk"))
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := sum(data) // of the one chunk
	s := store{bucket}
	encoded, _, err := s.get(t.Context(), chunkKey(digest), blob.MaxEncodedChunk, nil)
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Clone(encoded)
	tampered[len(tampered)/2] ^= 1
	for name, damage := range map[string][]byte{"truncated": encoded[:len(encoded)/2], "tampered": tampered, "swapped": other} {
		if err := s.put(t.Context(), chunkKey(digest), chunkType, damage); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, c, b.Digest); !errors.Is(err, blob.ErrNotFound) || !strings.Contains(err.Error(), digest) {
			t.Errorf("%s: %v, want the chunk named as damaged and gone", name, err)
		}
		if has, err := c.Has(t.Context(), b.Digest); has || err != nil {
			t.Errorf("%s: Has = %v, error %v", name, has, err)
		}
		if again, _, err := c.Upload(t.Context(), bytes.NewReader(data), nil); err != nil || again != b {
			t.Errorf("%s: uploaded again: %+v, error %v", name, again, err)
		}
		if got, err := readAll(t, c, b.Digest); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: made anew, it has %d bytes, error %v", name, len(got), err)
		}
	}
}
