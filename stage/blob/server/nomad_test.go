package server

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// nomad issues workload identities as Nomad does and publishes its keys.
type nomad struct {
	url   string
	asked atomic.Int32
	away  atomic.Bool

	mu   sync.Mutex
	keys []jose.JSONWebKey
}

func newNomad(t *testing.T) *nomad {
	t.Helper()
	n := &nomad{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.asked.Add(1)
		if n.away.Load() {
			http.Error(w, "no leader", http.StatusInternalServerError)
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if err := json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: n.keys}); err != nil {
			t.Errorf("serve keys: %v", err)
		}
	}))
	t.Cleanup(s.Close)
	n.url = s.URL + "/.well-known/jwks.json"
	return n
}

// signer is a private key with the name and algorithm that its tokens carry.
type signer struct {
	id  string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

func newEd25519(t *testing.T, id string) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jose.EdDSA, key}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(nil, 2048) })

func newRSA(t *testing.T, id string) signer {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jose.RS256, key}
}

func (s signer) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Algorithm: string(s.alg), Use: "sig"}
}

func (n *nomad) publish(keys ...jose.JSONWebKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keys = keys
}

// workloadClaims are those of a task's identity, with changes; nil takes a
// claim out.
func workloadClaims(namespace, job string, changes map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"aud": []string{"wadi"}, "iat": now, "nbf": now, "exp": now + 3600,
		"jti": "2f6d", "sub": "global:" + namespace + ":" + job + ":g:t:wadi",
		"nomad_namespace": namespace, "nomad_job_id": job, "nomad_task": "t", "nomad_allocation_id": "f1ad",
	}
	maps.Copy(c, changes)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, id string, claims any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		o = o.WithHeader("kid", id)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (s signer) token(t *testing.T, claims any) string {
	t.Helper()
	return sign(t, s.alg, s.key, s.id, claims)
}
