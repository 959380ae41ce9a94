package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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

// headLifecycle reads all of it: Nomad refuses a damaged one, and only when it
// is gone does the next apply send it again.
func (s *server) headLifecycle(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	s.uses.note(digest)
	key, what := lifecycleKey(digest), "lifecycle "+digest
	stored, err := s.opened(r.Context(), key, what)
	if err != nil {
		return err
	}
	defer stored.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, stored); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != digest {
		return s.dropped(r.Context(), key, what, fmt.Errorf("its sha256 is %s", got))
	}
	announce(w, lifecycleType, stored.Size())
	w.WriteHeader(http.StatusOK)
	return nil
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
