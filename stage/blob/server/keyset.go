package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysFor is how long keys hold that Nomad may have withdrawn since.
	keysFor = 15 * time.Minute
	// keysEvery is how soon a key that is not known makes us ask again: who
	// sends invented ones must not make us flood Nomad.
	keysEvery = 5 * time.Second

	keysTimeout = 10 * time.Second
	maxKeys     = 1 << 20 // bytes of the document
)

// keySet is Nomad's public keys by their id, fetched when needed.
type keySet struct {
	url   string
	http  *http.Client
	every time.Duration

	mu      sync.Mutex // held while fetching: the others wait for the same answer
	keys    map[string]jose.JSONWebKey
	fetched time.Time // successfully
	tried   time.Time
}

func newKeySet(url string, client *http.Client) *keySet {
	return &keySet{url: url, http: client, every: keysEvery}
}

// find returns the key with that id. A key that is not known is asked for,
// but not more often than every so often: in between the answer is 503,
// since the key may be a new one.
func (k *keySet) find(ctx context.Context, id string) (jose.JSONWebKey, error) {
	if id == "" {
		return jose.JSONWebKey{}, unauthorized("the workload identity names no key (kid)")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.keys[id]
	if known && time.Since(k.fetched) < keysFor {
		return key, nil
	}
	if time.Since(k.tried) < k.every {
		if known {
			return key, nil
		}
		return jose.JSONWebKey{}, refusef(http.StatusServiceUnavailable, "the workload identity's key %q is not known, and Nomad was asked for its keys a moment ago: try again in %s", id, k.every)
	}
	k.tried = time.Now()
	keys, err := k.fetch(ctx)
	switch {
	case err == nil:
		k.keys, k.fetched = keys, k.tried
	case known:
		return key, nil // Nomad is away; the key was good when it last was there
	default:
		return jose.JSONWebKey{}, &keysError{err}
	}
	if key, known = k.keys[id]; !known {
		return jose.JSONWebKey{}, unauthorized("the workload identity is signed with a key that Nomad does not publish")
	}
	return key, nil
}

// keysError is a 503 to the client with its cause for the log.
type keysError struct{ err error }

func (e *keysError) Error() string { return "fetch Nomad's keys: " + e.err.Error() }

// Unwrap gives the answer and the cause.
func (e *keysError) Unwrap() []error {
	return []error{&refusal{status: http.StatusServiceUnavailable, reason: "workload identities cannot be verified now: Nomad does not give its keys"}, e.err}
}

// fetch gets the published keys. Only public ones that can be used count.
func (k *keySet) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	// Others wait for this answer, so the first asker's end is not its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", k.url, resp.Status)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxKeys)).Decode(&set); err != nil {
		return nil, fmt.Errorf("%s: not a key set: %w", k.url, err)
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, key := range set.Keys {
		if key.KeyID != "" && key.Valid() && key.IsPublic() {
			keys[key.KeyID] = key
		}
	}
	return keys, nil
}
