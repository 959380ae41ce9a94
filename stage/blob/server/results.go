package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"wadi/stage/blob"
)

// A result rests behind a head line that says what it is worth: the
// generation, and the sha256 by which a torn write is told.
const resultHead = "wadi-result 1 %d %s\n"

const maxResultHead = 128

// spaceName is what Nomad allows as a namespace's name.
var spaceName = regexp.MustCompile(`^[a-zA-Z0-9-]{1,128}$`)

func resultIn(r *http.Request) (space, key string, err error) {
	space, key = r.PathValue("space"), r.PathValue("key")
	if !spaceName.MatchString(space) {
		return "", "", refusef(http.StatusBadRequest, "%q is not a space: a Nomad namespace", space)
	}
	if !blob.ValidDigest(key) {
		return "", "", refusef(http.StatusBadRequest, "%q is not a staging key: 64 hex digits", key)
	}
	return space, key, nil
}

// result returns what is stored; found is false also for a torn write.
func (s *server) result(ctx context.Context, space, key string) (generation int, data []byte, found bool, err error) {
	s.uses.note(key)
	stored, found, err := s.store.get(ctx, resultKey(space, key), maxResultHead+blob.MaxResult, nil)
	if err != nil || !found {
		return 0, nil, false, err
	}
	generation, data, err = parseResult(stored)
	if err != nil {
		s.log.ErrorContext(ctx, "a damaged staging result counts as none", "space", space, "key", key, "error", err)
		return 0, nil, false, nil
	}
	s.uses.note(digestsIn(data)...)
	return generation, data, true, nil
}

func parseResult(stored []byte) (generation int, data []byte, err error) {
	head, data, ok := bytes.Cut(stored, []byte("\n"))
	if !ok {
		return 0, nil, fmt.Errorf("%d bytes without a head line", len(stored))
	}
	var digest string
	if _, err := fmt.Sscanf(string(head)+"\n", resultHead, &generation, &digest); err != nil {
		return 0, nil, fmt.Errorf("head line %q: %w", head, err)
	}
	if generation < 1 {
		return 0, nil, fmt.Errorf("generation %d", generation)
	}
	if got := sum(data); got != digest {
		return 0, nil, fmt.Errorf("its sha256 is %s, the head line says %s", got, digest)
	}
	return generation, data, nil
}

func (s *server) getResult(w http.ResponseWriter, r *http.Request) error {
	space, key, err := resultIn(r)
	if err != nil {
		return err
	}
	generation, data, found, err := s.result(r.Context(), space, key)
	if err != nil {
		return err
	}
	if !found {
		return notStored(fmt.Sprintf("staging result %s of space %s", key, space))
	}
	w.Header().Set(blob.GenerationHeader, strconv.Itoa(generation))
	s.send(w, r, http.StatusOK, "application/json", data)
	return nil
}

func (s *server) putResult(w http.ResponseWriter, r *http.Request) error {
	space, key, err := resultIn(r)
	if err != nil {
		return err
	}
	generation, err := strconv.Atoi(r.URL.Query().Get("generation"))
	if err != nil || generation < 1 {
		return refusef(http.StatusBadRequest, "generation=%q is not a number from 1", r.URL.Query().Get("generation"))
	}
	data, err := body(w, r, blob.MaxResult, nil)
	if err != nil {
		return err
	}
	s.resultLock.Lock()
	defer s.resultLock.Unlock()
	stored, _, found, err := s.result(r.Context(), space, key)
	if err != nil {
		return err
	}
	if found && stored >= generation {
		return refusef(http.StatusConflict, "staging result %s of space %s: generation %d is stored, so %d can't be: restage for the next", key, space, stored, generation)
	}
	head := fmt.Appendf(nil, resultHead, generation, sum(data))
	if err := s.store.put(r.Context(), resultKey(space, key), "application/octet-stream", append(head, data...)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}
