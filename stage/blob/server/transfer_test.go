package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"wadi/stage/blob"
)

// One byte changed in the middle of 64 MiB, and one put in front.
func TestOnlyWhatChangedIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	const size = 64 << 20
	data := noiseBytes(t, 7, size)
	first, p, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil || p.Uploaded != size {
		t.Fatalf("%+v, error %v", p, err)
	}
	changed := bytes.Clone(data)
	changed[size/2] ^= 1
	for name, r := range map[string]io.Reader{
		"changed":  bytes.NewReader(changed),
		"inserted": io.MultiReader(strings.NewReader("x"), bytes.NewReader(data)),
	} {
		second, p, err := c.Upload(t.Context(), r, nil)
		if err != nil || second.Digest == first.Digest {
			t.Fatalf("%s: %+v, error %v", name, second, err)
		}
		if p.Uploaded == 0 || p.Uploaded > 3*blob.MaxChunk || p.Uploaded+p.Reused != p.Read {
			t.Errorf("%s: %+v: want at most three chunks uploaded", name, p)
		}
	}
	again, p, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil || p.Uploaded != 0 || p.Reused != size {
		t.Errorf("the same again: %+v %+v, error %v", again, p, err)
	}
}

// A stream that repeats itself has each chunk once, on the wire and at rest.
func TestRepeatedChunksAreSentOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	const size = 20 << 20
	b, p, err := c.Upload(t.Context(), io.LimitReader(zeroReader{}, size), nil)
	if err != nil || b.Size != size || p.Uploaded != blob.MaxChunk || p.Reused != size-blob.MaxChunk || p.Sent > 10_000 {
		t.Errorf("%+v %+v, error %v", b, p, err)
	}
	if n := len(f.stored(t, "chunks")); n != 1 {
		t.Errorf("%d chunks at rest", n)
	}
	r, err := c.Open(t.Context(), b.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Errorf("read %d bytes, error %v", n, err)
	}
}

func TestAnInterruptedUploadGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	const size = 32 << 20
	data := noiseBytes(t, 8, size)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	_, first, err := c.Upload(ctx, bytes.NewReader(data), func(p blob.Progress) {
		if p.Uploaded > size/4 {
			cancel(stopped)
		}
	})
	if !errors.Is(err, stopped) {
		t.Fatalf("error = %v, want the context's cause", err)
	}
	if files, err := filepath.Glob(filepath.Join(f.dir, "blobs", "*")); err != nil || len(files) != 0 {
		t.Errorf("an interrupted upload committed: %v, error %v", files, err)
	}
	b, second, err := c.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	if second.Reused < first.Uploaded || second.Uploaded+second.Reused != size {
		t.Errorf("first %+v, second %+v: what had arrived was sent again", first, second)
	}
	if want := blobOf(t, data); b != want {
		t.Errorf("blob = %+v, want %+v", b, want)
	}
}

// The source's own failure is passed on, and nothing is committed.
func TestUploadOfABrokenSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	broken := errors.New("broken")
	_, _, err := f.people(t).Upload(t.Context(), io.MultiReader(noise(1, 5<<20), iotest.ErrReader(broken)), nil)
	if !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(f.dir, "blobs", "*")); err != nil || len(files) != 0 {
		t.Errorf("committed %v, error %v", files, err)
	}
}

func upload(t *testing.T, c *blob.Client, seed byte, size int64) blob.Blob {
	t.Helper()
	b, _, err := c.Upload(t.Context(), noise(seed, size), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readAll(t *testing.T, c *blob.Client, digest string) ([]byte, error) {
	t.Helper()
	r, err := c.Open(t.Context(), digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// A chunk that changed on disk: the reader gets the bytes before it and an
// error that names it; the server drops it, and the next upload mends the blob.
func TestDamageAtRest(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"a bit":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
		"emptied": func([]byte) []byte { return nil },
		"another chunk": func([]byte) []byte {
			e, err := blob.EncodeChunk(nil, []byte("another"))
			if err != nil {
				panic(err)
			}
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c := f.people(t)
			b := upload(t, c, 9, 6<<20)
			damaged := f.stored(t, "chunks")[2]
			data, err := os.ReadFile(damaged)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(damaged, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, c, b.Digest)
			if err == nil || !strings.Contains(err.Error(), filepath.Base(damaged)) || !strings.Contains(err.Error(), b.Digest) {
				t.Errorf("error = %v, want one that names chunk and blob", err)
			}
			if want := noiseBytes(t, 9, 6<<20); !bytes.HasPrefix(want, got) {
				t.Errorf("%d bytes were handed out that are not the blob's", len(got))
			}
			if has, err := c.Has(t.Context(), b.Digest); has || err != nil {
				t.Errorf("Has = %v, error %v: a blob that can't be read is none", has, err)
			}
			_, p, err := c.Upload(t.Context(), noise(9, 6<<20), nil)
			if err != nil || p.Uploaded == 0 || p.Uploaded > blob.MaxChunk {
				t.Errorf("upload again: %+v, error %v", p, err)
			}
			if got, err := readAll(t, c, b.Digest); err != nil || !bytes.Equal(got, noiseBytes(t, 9, 6<<20)) {
				t.Errorf("after the upload: %d bytes, error %v", len(got), err)
			}
		})
	}
}

func TestDamagedListAtRest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	b := upload(t, c, 10, 3<<20)
	list := f.stored(t, "blobs")[0]
	data, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, data[:len(data)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, c, b.Digest); !errors.Is(err, blob.ErrNotFound) || !strings.Contains(err.Error(), b.Digest) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error = %v", err)
	}
	if again := upload(t, c, 10, 3<<20); again != b {
		t.Errorf("uploaded again as %+v, was %+v", again, b)
	}
	if _, err := readAll(t, c, b.Digest); err != nil {
		t.Errorf("after the upload: %v", err)
	}
}

func TestATornResultCountsAsNone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.operator(t)
	key := strings.Repeat("ab", 32)
	if err := c.PutResult(t.Context(), "dev", key, 5, []byte("a staging result")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.dir, "results", "dev", key)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Result(t.Context(), "dev", key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%d bytes of it: %q, error %v", n, got, err)
		}
	}
	if err := c.PutResult(t.Context(), "dev", key, 1, []byte("the next")); err != nil {
		t.Errorf("written over: %v", err)
	}
}

// tampering is a proxy that changes the bodies of chunks (or lists), the first
// n times for each path.
func tampering(t *testing.T, target, prefix string, n int32) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	p := httputil.NewSingleHostReverseProxy(u)
	p.ModifyResponse = func(r *http.Response) error {
		if !strings.HasPrefix(r.Request.URL.Path, prefix) || r.StatusCode != http.StatusOK {
			return nil
		}
		select {
		case <-left:
		default:
			return nil
		}
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		data[len(data)-1] ^= 1
		r.Body = io.NopCloser(bytes.NewReader(data))
		return nil
	}
	return proxied(t, p)
}

func TestDamageOnTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := upload(t, f.people(t), 11, 3<<20)
	want := noiseBytes(t, 11, 3<<20)
	for _, prefix := range []string{"/v1/chunks/", "/v1/blobs/"} {
		got, err := readAll(t, client(t, tampering(t, f.url, prefix, 1), peopleToken), b.Digest)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s once: %d bytes, error %v", prefix, len(got), err)
		}
		_, err = readAll(t, client(t, tampering(t, f.url, prefix, 100), peopleToken), b.Digest)
		if !errors.Is(err, blob.ErrDamaged) || !strings.Contains(err.Error(), b.Digest) {
			t.Errorf("%s always: error %v", prefix, err)
		}
		if prefix == "/v1/chunks/" && !strings.Contains(err.Error(), "chunk 1 of ") {
			t.Errorf("error %v names no chunk", err)
		}
	}
	// What only the wire damaged, the server keeps.
	if got, err := readAll(t, f.people(t), b.Digest); err != nil || !bytes.Equal(got, want) {
		t.Errorf("without the proxy: %d bytes, error %v", len(got), err)
	}
}

// A server that fails now and then, by status or by breaking off, in the
// answer's head or its body.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	flaky := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch n.Add(1) % 7 {
			case 1:
				http.Error(w, "not now", http.StatusBadGateway)
			case 3:
				panic(http.ErrAbortHandler)
			case 5:
				h.ServeHTTP(&halved{ResponseWriter: w}, r)
			default:
				h.ServeHTTP(w, r)
			}
		})
	}
	f := fixtureIn(t, t.TempDir(), flaky)
	c := f.operator(t)
	c.Attempts = 20
	b := upload(t, c, 12, 4<<20)
	if got, err := readAll(t, c, b.Digest); err != nil || !bytes.Equal(got, noiseBytes(t, 12, 4<<20)) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	key := strings.Repeat("ab", 32)
	for generation := 1; generation <= 7; generation++ {
		body := []byte(strings.Repeat("r", generation))
		if err := c.PutResult(t.Context(), "dev", key, generation, body); err != nil {
			t.Errorf("generation %d: %v: an answer that was lost is no conflict", generation, err)
		}
	}
}

// halved breaks an answer off in the middle of its body, or before its head.
type halved struct{ http.ResponseWriter }

func (h *halved) WriteHeader(status int) {
	if h.Header().Get("Content-Length") == "" {
		panic(http.ErrAbortHandler)
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *halved) Write(p []byte) (int, error) {
	if _, err := h.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	panic(http.ErrAbortHandler)
}
