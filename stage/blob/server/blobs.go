package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"wadi/stage/blob"
)

const listType = "text/plain; charset=utf-8"

// maxNamed is how many missing chunks a refused commit names.
const maxNamed = 1000

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// parse checks that data is the list of that digest.
func parse(data []byte, digest string) (blob.List, error) {
	if got := sum(data); got != digest {
		return blob.List{}, fmt.Errorf("blob %s: the list has the sha256 %s", digest, got)
	}
	list, err := blob.ParseList(bytes.NewReader(data))
	if err != nil {
		return blob.List{}, fmt.Errorf("blob %s: %w", digest, err)
	}
	return list, nil
}

func digests(l blob.List) []string {
	all := make([]string, len(l.Chunks))
	for i, c := range l.Chunks {
		all[i] = c.Digest
	}
	return all
}

func (s *server) putBlob(w http.ResponseWriter, r *http.Request) error {
	digest, err := digestIn(r)
	if err != nil {
		return err
	}
	data, err := body(w, r, blob.MaxList, nil)
	if err != nil {
		return err
	}
	list, err := parse(data, digest)
	if err != nil {
		return refusef(http.StatusUnprocessableEntity, "%v", err)
	}
	s.uses.note(digest)
	missing, err := s.missing(r.Context(), digests(list))
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return &refusal{
			status:  http.StatusConflict,
			reason:  fmt.Sprintf("blob %s: %d of its %d chunks are not stored (%s, …): upload them first", digest, len(missing), len(list.Chunks), missing[0]),
			missing: missing[:min(len(missing), maxNamed)],
		}
	}
	if err := s.store.put(r.Context(), blobKey(digest), listType, data); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// stored returns a blob's list, verified.
func (s *server) stored(r *http.Request) (digest string, data []byte, list blob.List, err error) {
	if digest, err = digestIn(r); err != nil {
		return "", nil, blob.List{}, err
	}
	s.uses.note(digest)
	data, found, err := s.store.get(r.Context(), blobKey(digest), blob.MaxList, nil)
	switch {
	case errors.Is(err, errTooBig):
	case err != nil:
		return "", nil, blob.List{}, err
	case !found:
		return "", nil, blob.List{}, notStored("blob " + digest)
	default:
		list, err = parse(data, digest)
	}
	if err != nil {
		return "", nil, blob.List{}, s.dropped(r.Context(), blobKey(digest), "blob "+digest, err)
	}
	return digest, data, list, nil
}

func (s *server) getBlob(w http.ResponseWriter, r *http.Request) error {
	_, data, _, err := s.stored(r)
	if err != nil {
		return err
	}
	s.send(w, r, http.StatusOK, listType, data)
	return nil
}
