package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"wadi/stage/blob"
)

// audience is what a task's identity must be meant for.
const audience = "wadi"

const (
	maxToken = 16 << 10
	// leeway is how far the clocks of Nomad's servers and ours may differ.
	leeway = 10 * time.Second
)

// AuthOptions say what tokens are checked against.
type AuthOptions struct {
	// TokenFile has the people's token (blanks around it don't count). It is
	// read again when it changes.
	TokenFile string
	// OperatorSHA256 is the sha256 of the operators' token in hex; "" = nobody
	// is one. The token itself is never given to the server.
	OperatorSHA256 string
	// JWKSURL is where Nomad publishes the keys of its workload identities,
	// NOMAD_ADDR/.well-known/jwks.json.
	JWKSURL string
	// HTTP fetches it: the place for Nomad's certificates. Nil is
	// http.DefaultClient.
	HTTP *http.Client
}

// Auth tells who makes a request.
type Auth struct {
	people   *tokenFile
	operator []byte // sha256 of the operators' token; nil = none
	keys     *keySet
}

// NewAuth reads the people's token. Nomad's keys are fetched when first needed.
func NewAuth(o AuthOptions) (*Auth, error) {
	people, err := openTokenFile(o.TokenFile)
	if err != nil {
		return nil, err
	}
	var operator []byte
	if o.OperatorSHA256 != "" {
		if !blob.ValidDigest(o.OperatorSHA256) {
			return nil, errors.New("the operators' token: what there is of it is not a sha256 in lower-case hex")
		}
		operator, _ = hex.DecodeString(o.OperatorSHA256) // was just checked
	}
	client := o.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return &Auth{people: people, operator: operator, keys: newKeySet(o.JWKSURL, client)}, nil
}

func unauthorized(reason string) error {
	return &refusal{status: http.StatusUnauthorized, reason: reason}
}

// authenticate tells who presents an Authorization header. The failure says
// why without a word of what would have been right.
func (a *Auth) authenticate(ctx context.Context, header string) (identity, error) {
	if header == "" {
		return identity{}, unauthorized("no token: send Authorization: Bearer TOKEN")
	}
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return identity{}, unauthorized("the Authorization header has not the form Bearer TOKEN")
	}
	ok, err := a.people.matches(token)
	if err != nil {
		return identity{}, err
	}
	if ok {
		return identity{People: true}, nil
	}
	if sum := sha256.Sum256([]byte(token)); a.operator != nil && subtle.ConstantTimeCompare(sum[:], a.operator) == 1 {
		return identity{Operator: true}, nil
	}
	if strings.Count(token, ".") != 2 {
		return identity{}, unauthorized("the token is neither the people's nor the operators' token, nor a Nomad workload identity")
	}
	return a.workload(ctx, token)
}

// claims are those of a workload identity that we use.
type claims struct {
	jwt.Claims
	Namespace string `json:"nomad_namespace"`
	Job       string `json:"nomad_job_id"`
	Task      string `json:"nomad_task"`
}

// workload verifies a Nomad workload identity.
func (a *Auth) workload(ctx context.Context, token string) (identity, error) {
	// Nomad signs with RS256, and with EdDSA where it was set up before 1.7.
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.EdDSA})
	if err != nil || len(t.Headers) != 1 {
		return identity{}, unauthorized("the token is not a JWT signed in a way that Nomad signs")
	}
	key, err := a.keys.find(ctx, t.Headers[0].KeyID)
	if err != nil {
		return identity{}, err
	}
	if key.Algorithm != "" && key.Algorithm != t.Headers[0].Algorithm {
		return identity{}, unauthorized("the workload identity's signature is not of its key's algorithm")
	}
	var c claims
	if err := t.Claims(key, &c); err != nil {
		return identity{}, unauthorized("the workload identity's signature is not valid")
	}
	switch err := c.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{audience}, Time: time.Now()}, leeway); {
	case errors.Is(err, jwt.ErrInvalidAudience):
		return identity{}, unauthorized(`the workload identity is not meant for aud "` + audience + `"`)
	case errors.Is(err, jwt.ErrExpired):
		return identity{}, unauthorized("the workload identity has expired")
	case errors.Is(err, jwt.ErrNotValidYet):
		return identity{}, unauthorized("the workload identity is not valid yet")
	case err != nil:
		return identity{}, unauthorized("the workload identity is not valid")
	case c.Expiry == nil:
		return identity{}, unauthorized("the workload identity never expires: its identity block needs a ttl")
	case c.Namespace == "" || c.Job == "":
		return identity{}, unauthorized("the token is not a Nomad workload identity: it names no namespace or no job")
	}
	return identity{Namespace: c.Namespace, Job: c.Job, Task: c.Task}, nil
}
