package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	gocloud "gocloud.dev/blob"
	"golang.org/x/sync/errgroup"

	"wadi/stage/blob"
)

// lookups is how many existence checks one request makes at a time.
const lookups = 16

const chunkType = "application/zstd"

// buffers is memory for one chunk.
type buffers struct{ encoded, data []byte }

// digestIn is the digest that the path names.
func digestIn(r *http.Request) (string, error) {
	digest := r.PathValue("digest")
	if !blob.ValidDigest(digest) {
		return "", refusef(http.StatusBadRequest, "%q is not a digest: a sha256 in lower-case hex", digest)
	}
	return digest, nil
}

// body reads a bounded body into into's memory.
func body(w http.ResponseWriter, r *http.Request, limit int64, into []byte) ([]byte, error) {
	buf := bytes.NewBuffer(into[:0])
	if n := r.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return nil, err
	case err != nil:
		return nil, refusef(http.StatusBadRequest, "the body broke off: %v", err)
	}
	return buf.Bytes(), nil
}

func (s *server) postMissing(w http.ResponseWriter, r *http.Request) error {
	data, err := body(w, r, blob.MaxAsk*80, nil)
	if err != nil {
		return err
	}
	var digests []string
	if err := json.Unmarshal(data, &digests); err != nil {
		return refusef(http.StatusBadRequest, "the body is not a JSON array of digests: %v", err)
	}
	if len(digests) > blob.MaxAsk {
		return refusef(http.StatusRequestEntityTooLarge, "the body has %d digests, more than %d", len(digests), blob.MaxAsk)
	}
	for _, d := range digests {
		if !blob.ValidDigest(d) {
			return refusef(http.StatusBadRequest, "%q is not a digest: a sha256 in lower-case hex", d)
		}
	}
	missing, err := s.missing(r.Context(), digests)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, missing)
	return nil
}

// missing returns those chunks that are not stored, in order, each once. It
// is never nil.
func (s *server) missing(ctx context.Context, digests []string) ([]string, error) {
	s.uses.note(digests...)
	there := make([]bool, len(digests))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	seen := make(map[string]bool, len(digests))
	for i, d := range digests {
		if seen[d] {
			there[i] = true // answered by its first
			continue
		}
		seen[d] = true
		g.Go(func() (err error) {
			there[i], err = s.store.has(ctx, chunkKey(d))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	missing := []string{}
	for i, d := range digests {
		if !there[i] {
			missing = append(missing, d)
		}
	}
	return missing, nil
}

// withBuffers runs f with memory for a chunk, once there is some.
func (s *server) withBuffers(ctx context.Context, f func(*buffers) error) error {
	select {
	case s.chunkWrites <- struct{}{}:
		defer func() { <-s.chunkWrites }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	b := s.buffers.Get().(*buffers)
	defer s.buffers.Put(b)
	return f(b)
}

func (s *server) putChunk(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	return s.withBuffers(r.Context(), func(b *buffers) error {
		s.uses.note(digest)
		encoded, err := body(w, r, blob.MaxEncodedChunk, b.encoded)
		if err != nil {
			return err
		}
		b.encoded = encoded
		data, err := blob.DecodeChunk(b.data, encoded, digest)
		if err != nil {
			return refusef(http.StatusUnprocessableEntity, "%v", err)
		}
		b.data = data
		if err := s.store.put(r.Context(), chunkKey(digest), chunkType, encoded); err != nil {
			return err
		}
		w.WriteHeader(http.StatusCreated)
		return nil
	})
}

func (s *server) getChunk(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("verify") != "" {
		return s.getVerifiedChunk(w, r, digest)
	}
	return s.stream(w, r, chunkKey(digest), chunkType, "chunk "+digest)
}

// getVerifiedChunk is for a reader that got bytes that are not the chunk.
// Either they were damaged on their way, or they rest so: then they are no
// good to anybody, and only when they are gone is the chunk missing and the
// next upload sends it again.
func (s *server) getVerifiedChunk(w http.ResponseWriter, r *http.Request, digest string) error {
	return s.withBuffers(r.Context(), func(b *buffers) error {
		found, damage, err := s.readChunk(r.Context(), digest, b)
		switch {
		case err != nil:
			return err
		case !found:
			return notStored("chunk " + digest)
		case damage != nil:
			return s.dropped(r.Context(), chunkKey(digest), "chunk "+digest, damage)
		}
		s.send(w, r, http.StatusOK, chunkType, b.encoded)
		return nil
	})
}

func notStored(what string) error {
	return refusef(http.StatusNotFound, "%s is not stored", what)
}

// opened is what is stored; the error says if nothing is.
func (s *server) opened(ctx context.Context, key, what string) (*gocloud.Reader, error) {
	stored, found, err := s.store.open(ctx, key)
	if err == nil && !found {
		err = notStored(what)
	}
	return stored, err
}

// announce says what the body is; size is in bytes.
func announce(w http.ResponseWriter, contentType string, size int64) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
}

// stream answers with what is stored as it is.
func (s *server) stream(w http.ResponseWriter, r *http.Request, key, contentType, what string) error {
	stored, err := s.opened(r.Context(), key, what)
	if err != nil {
		return err
	}
	defer stored.Close()
	announce(w, contentType, stored.Size())
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(w, stored); err != nil {
		// The head is out: all that is left is to break the connection off,
		// which net/http does for a body shorter than announced.
		s.log.WarnContext(r.Context(), "an answer broke off", "key", key, "error", err)
	}
	return nil
}
