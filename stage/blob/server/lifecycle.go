package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"

	"wadi/stage/blob"
)

const lifecycleType = "application/gzip"

func (s *server) getLifecycle(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	s.uses.note(digest)
	return s.stream(w, r, lifecycleKey(digest), lifecycleType, "lifecycle "+digest)
}

func (s *server) putLifecycle(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	s.uses.note(digest)
	checked := &checkedReader{
		r:      http.MaxBytesReader(w, r.Body, blob.MaxLifecycle),
		hash:   sha256.New(),
		digest: digest,
	}
	if err := s.store.putStream(r.Context(), lifecycleKey(digest), lifecycleType, checked); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// checkedReader ends with an error instead of io.EOF if what it read is not
// what digest names.
type checkedReader struct {
	r      io.Reader
	hash   hash.Hash
	digest string
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(c.hash.Sum(nil)); got != c.digest {
			return n, refusef(http.StatusUnprocessableEntity, "lifecycle %s: the body has the sha256 %s", c.digest, got)
		}
	}
	return n, err
}
