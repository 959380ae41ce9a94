package server

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestAuthenticateTells(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ed, rs := newEd25519(t, "ed"), newRSA(t, "rs")
	f.nomad.publish(ed.jwk(), rs.jwk())
	for name, c := range map[string]struct {
		header string
		want   identity
	}{
		"people":          {"Bearer " + peopleToken, identity{People: true}},
		"operators":       {"Bearer " + operatorToken, identity{Operator: true}},
		"scheme in lower": {"bearer  " + peopleToken, identity{People: true}},
		"RS256":           {"Bearer " + rs.token(t, workloadClaims("dev", "shop", nil)), identity{Namespace: "dev", Job: "shop", Task: "t"}},
		"EdDSA":           {"Bearer " + ed.token(t, workloadClaims("dev", "shop", nil)), identity{Namespace: "dev", Job: "shop", Task: "t"}},
		"aud as a string": {"Bearer " + ed.token(t, workloadClaims("dev", "shop", map[string]any{"aud": "wadi"})), identity{Namespace: "dev", Job: "shop", Task: "t"}},
		"several auds":    {"Bearer " + ed.token(t, workloadClaims("dev", "shop", map[string]any{"aud": []string{"vault", "wadi"}})), identity{Namespace: "dev", Job: "shop", Task: "t"}},
	} {
		id, err := f.auth.authenticate(t.Context(), c.header)
		if err != nil || id != c.want {
			t.Errorf("%s: %+v, error %v, want %+v", name, id, err, c.want)
		}
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ed, rs := newEd25519(t, "ed"), newRSA(t, "rs")
	other := newEd25519(t, "ed") // same name, other key
	// A key set may hold what is not a public key: it must not count.
	secret := jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "hmac", Algorithm: "HS256"}
	f.nomad.publish(ed.jwk(), rs.jwk(), secret)

	good := workloadClaims("dev", "shop", nil)
	with := func(name string, value any) string {
		return ed.token(t, workloadClaims("dev", "shop", map[string]any{name: value}))
	}
	valid := ed.token(t, good)
	parts := strings.Split(valid, ".")
	now := time.Now().Unix()
	der, err := x509.MarshalPKIXPublicKey(rs.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})

	for name, c := range map[string]struct{ header, want string }{
		"none":                  {"", "no token"},
		"basic":                 {"Basic " + peopleToken, "form Bearer TOKEN"},
		"empty":                 {"Bearer ", "form Bearer TOKEN"},
		"huge":                  {"Bearer " + strings.Repeat("a.", 9000), "form Bearer TOKEN"},
		"other token":           {"Bearer " + peopleToken + "x", "neither the people's nor"},
		"start of the token":    {"Bearer " + peopleToken[:10], "neither the people's nor"},
		"not a JWT":             {"Bearer a.b.c", "not a JWT signed in a way"},
		"alg none":              {"Bearer " + unsigned(t, good), "not a JWT signed in a way"},
		"HS256, public key":     {"Bearer " + sign(t, jose.HS256, publicPEM, "rs", good), "not a JWT signed in a way"},
		"HS256, published":      {"Bearer " + sign(t, jose.HS256, secret.Key, "hmac", good), "not a JWT signed in a way"},
		"RS512":                 {"Bearer " + sign(t, jose.RS512, rs.key, "rs", good), "not a JWT signed in a way"},
		"RS256 under EdDSA key": {"Bearer " + sign(t, jose.RS256, rs.key, "ed", good), "not of its key's algorithm"},
		"no kid":                {"Bearer " + sign(t, jose.EdDSA, ed.key, "", good), "names no key"},
		"other key":             {"Bearer " + other.token(t, good), "signature is not valid"},
		"other claims":          {"Bearer " + parts[0] + "." + strings.Split(with("nomad_job_id", "x"), ".")[1] + "." + parts[2], "signature is not valid"},
		"other audience":        {"Bearer " + with("aud", []string{"vault.io"}), "not meant for aud"},
		"no audience":           {"Bearer " + with("aud", nil), "not meant for aud"},
		"expired":               {"Bearer " + with("exp", now-60), "has expired"},
		"never expires":         {"Bearer " + with("exp", nil), "never expires"},
		"not yet":               {"Bearer " + with("nbf", now+60), "not valid yet"},
		"no namespace":          {"Bearer " + with("nomad_namespace", nil), "names no namespace"},
		"no job":                {"Bearer " + with("nomad_job_id", ""), "no job"},
		"claims of other types": {"Bearer " + with("nomad_job_id", 7), "not valid"},
	} {
		id, err := f.auth.authenticate(t.Context(), c.header)
		var no *refusal
		if !errors.As(err, &no) || no.status != http.StatusUnauthorized || !strings.Contains(no.reason, c.want) {
			t.Errorf("%s: %+v, error %v, want a 401 with %q", name, id, err, c.want)
		}
		if no != nil && (strings.Contains(no.reason, peopleToken) || strings.Contains(no.reason, "ed25519")) {
			t.Errorf("%s: the reason leaks: %s", name, no.reason)
		}
	}
}

// unsigned is a token with alg none, which no library makes.
func unsigned(t *testing.T, claims any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"ed"}`)) + "." + e.EncodeToString(body) + "."
}

func TestKeysAreFetchedWhenNeeded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := newEd25519(t, "first"), newEd25519(t, "second")
	f.nomad.publish(first.jwk())
	claims := workloadClaims("dev", "shop", nil)
	status := func(s signer) int {
		_, err := f.auth.authenticate(t.Context(), "Bearer "+s.token(t, claims))
		if err == nil {
			return http.StatusOK
		}
		return refusalOf(err).status
	}
	if f.nomad.asked.Load() != 0 {
		t.Error("keys were fetched before there was a token to check")
	}
	f.nomad.away.Store(true)
	if got := status(first); got != http.StatusServiceUnavailable {
		t.Errorf("while Nomad is away: %d, want 503, which is tried again", got)
	}
	f.nomad.away.Store(false)
	f.auth.keys.every = 0
	for range 3 {
		if got := status(first); got != http.StatusOK {
			t.Fatalf("with the published key: %d", got)
		}
	}
	if n := f.nomad.asked.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times, want 2: once in vain, then once for all", n)
	}

	f.auth.keys.every = time.Hour
	f.nomad.publish(first.jwk(), second.jwk())
	for range 10 {
		if got := status(second); got != http.StatusServiceUnavailable {
			t.Fatalf("a new key a moment after the last fetch: %d, want 503", got)
		}
	}
	if n := f.nomad.asked.Load(); n != 2 {
		t.Errorf("unknown keys made %d fetches, want none", n-2)
	}
	f.auth.keys.every = 0
	if got := status(second); got != http.StatusOK {
		t.Errorf("the new key after a while: %d", got)
	}
	if got := status(newEd25519(t, "third")); got != http.StatusUnauthorized {
		t.Errorf("a key that Nomad does not publish: %d, want 401", got)
	}
	f.nomad.away.Store(true)
	f.auth.keys.fetched = time.Now().Add(-2 * keysFor)
	if got := status(first); got != http.StatusOK {
		t.Errorf("a known key while Nomad is away: %d", got)
	}
	f.nomad.away.Store(false)
	f.nomad.publish(second.jwk())
	if got := status(first); got != http.StatusUnauthorized {
		t.Errorf("a withdrawn key: %d, want 401", got)
	}
}

func TestPeoplesTokenChanges(t *testing.T) {
	t.Parallel()
	path := tokenFileOf(t, "the-first-long-token")
	auth, err := NewAuth(AuthOptions{TokenFile: path, JWKSURL: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	people := func(token string) bool {
		id, err := auth.authenticate(t.Context(), "Bearer "+token)
		return err == nil && id.People
	}
	if !people("the-first-long-token") || people("the-second-longer-token") {
		t.Fatal("the first token is not the one")
	}
	if err := os.WriteFile(path, []byte("the-second-longer-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if people("the-first-long-token") || !people("the-second-longer-token") {
		t.Error("the file changed, the token did not")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !people("the-second-longer-token") || people("") {
		t.Error("a file that is just being written took the token away")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !people("the-second-longer-token") {
		t.Error("a file that is just being replaced took the token away")
	}
}

func TestNewAuthRefuses(t *testing.T) {
	t.Parallel()
	if _, err := NewAuth(AuthOptions{TokenFile: "/nonexistent/token"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := NewAuth(AuthOptions{TokenFile: tokenFileOf(t, "short")}); !errors.Is(err, errShortToken) {
		t.Errorf("a short token: %v", err)
	}
}
