package inspect

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind is why there is no metadata.
type Kind int

// The kinds. Only of an Unreachable registry another answer may come later.
const (
	Invalid        Kind = iota // what the registry has is no image that nodes run
	BadName                    // the reference is none
	NotFound                   // no such image
	Denied                     // not for us, or not with this login
	NoPlatform                 // not for nodes of this architecture
	Insecure                   // not without encryption
	BadTokenServer             // who gives the tokens for it is not to be asked
	BadCerts                   // what Docker's engine trusts it for is nothing to trust
	Unreachable                // the registry does not answer, or is busy, or others have to ask it
)

// Error says why an image's metadata could not be had. Its text has no
// password.
type Error struct {
	Kind      Kind
	Reference string
	Registry  string
	Login     bool // a login was given
	// After is for how long an Unreachable registry asks to be left alone; 0 =
	// it does not say.
	After time.Duration
	Err   error
}

// loginInName is user:password@host/, which no name of an image has, and which
// is not to be printed.
var loginInName = regexp.MustCompile(`^(?:[a-z]+://)?[^/@]*:[^/@]*@[^/]+/`)

// Silent says whether no answer was heard, not even one of trouble: then there
// is no use in asking that registry for other images.
func (e *Error) Silent() bool { return e.Kind == Unreachable && isNetwork(e.Err) }

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	switch e.Kind {
	case BadName:
		if loginInName.MatchString(e.Reference) {
			return "the image's name has a login in it"
		}
		if strings.Contains(e.Reference, "://") {
			return fmt.Sprintf("%q is a URL and no name of an image", e.Reference)
		}
		return fmt.Sprintf("%q is no name of an image%s", e.Reference, whyNoName(e.Reference))
	case NotFound:
		return fmt.Sprintf("there is no image %s at %s", e.Reference, e.Registry)
	case Denied:
		if e.Login {
			return fmt.Sprintf("the registry %s refuses the login for the image %s: %v", e.Registry, e.Reference, e.Err)
		}
		return fmt.Sprintf("the registry %s does not give the image %s without a login: %v", e.Registry, e.Reference, e.Err)
	case NoPlatform:
		return fmt.Sprintf("the image %s %v", e.Reference, e.Err)
	case Insecure, BadTokenServer, BadCerts:
		return fmt.Sprintf("the registry %s was not asked for the image %s: %v", e.Registry, e.Reference, e.Err)
	case Unreachable:
		if e.certs() != nil {
			return fmt.Sprintf("the registry %s was not asked from here: %v", e.Registry, e.Err)
		}
		if e.After > 0 {
			return fmt.Sprintf("the registry %s does not answer: %v (it asks to be left alone for %s)", e.Registry, e.Err, e.After.Round(time.Second))
		}
		return fmt.Sprintf("the registry %s does not answer: %v", e.Registry, e.Err)
	}
	return fmt.Sprintf("the image %s at %s is none that can be run: %v", e.Reference, e.Registry, e.Err)
}

// certs is the folder for which the registry was not asked; nil = it was.
func (e *Error) certs() *certsError {
	var certs *certsError
	errors.As(e.Err, &certs)
	return certs
}

// Hint says what to do next.
func (e *Error) Hint() string {
	if certs := e.certs(); certs != nil {
		return certs.hint()
	}
	switch e.Kind {
	case BadName:
		if loginInName.MatchString(e.Reference) {
			return "write the name without it, and set docker.username and CF_DOCKER_PASSWORD"
		}
		return "write it as `docker pull` takes it: [host[:port]/]name[:tag] or …@sha256:…"
	case NotFound:
		return "check its name and tag"
	case Denied:
		if e.Login {
			return "check docker.username and CF_DOCKER_PASSWORD (or the `docker login` in use), and that the image's name is right"
		}
		return "set docker.username and CF_DOCKER_PASSWORD, or `docker login " + e.Registry + "`; registries say the same of a name that does not exist"
	case NoPlatform:
		return "build the image for it too (docker buildx build --platform …)"
	case Insecure:
		return e.hintInsecure()
	case BadTokenServer:
		return "let the registry name its token server (the realm of its answer) by https and the server's name"
	case Unreachable:
		return e.hintUnreachable()
	}
	var content *contentError
	if errors.As(e.Err, &content) && content.hint != "" {
		return content.hint
	}
	return "build the image anew with a current docker or podman"
}

func (e *Error) hintInsecure() string {
	list := "list it in insecure_registries (WADI_INSECURE_REGISTRIES=" + e.Registry + ")"
	var certificate *tls.CertificateVerificationError
	if errors.As(e.Err, &certificate) {
		return "put the certificate of its authority here and on the nodes, where Docker's engine looks too (" + engineCerts + "/" + e.Registry + "/ca.crt), or " + list
	}
	return "give the registry a certificate, or " + list
}

func (e *Error) hintUnreachable() string {
	var answer *transport.Error
	switch {
	case !errors.As(e.Err, &answer) || answer.StatusCode != http.StatusTooManyRequests:
		return "check that the registry runs and can be reached from here"
	case e.Login:
		return "it answers this login only so often: wait, or use another one"
	}
	return "registries answer those often who log in: wait, or set docker.username and CF_DOCKER_PASSWORD"
}

// platformError is an image without a variant for the nodes.
type platformError struct{ have []string }

func (e *platformError) Error() string {
	if len(e.have) == 0 {
		return "is for no platform (its index has no image)"
	}
	return "is for " + strings.Join(e.have, ", ") + " only"
}

// explain finds out what an answer means.
func explain(g *guard, ref name.Reference, o Options, err error) *Error {
	g.mu.Lock()
	after, realm := g.after, g.realm
	g.mu.Unlock()
	out := &Error{Reference: shown(ref), Registry: registryOf(ref), Login: o.Login != nil, Err: err}
	if realm.trusted {
		out.Err = &shownRealm{err, realm.url}
	}
	var answer *transport.Error
	var platform *platformError
	var content *contentError
	var certificate *tls.CertificateVerificationError
	var certs *certsError
	switch {
	case errors.As(err, &certs):
		out.Kind, out.Err = certs.kind(), certs
	case errors.As(err, &content):
		out.Err = content
	case errors.As(err, &platform):
		out.Kind, out.Err = NoPlatform, fmt.Errorf("%w, and the nodes are linux/%s", platform, o.Arch)
	case errors.As(err, &certificate):
		out.Kind, out.Err = Insecure, certificate
	case isPlain(err) && !mayBeInsecure(registryOf(ref), o.Insecure):
		out.Kind, out.Err = Insecure, errPlain
	case errors.As(err, &answer):
		out.Kind, out.Err = kindOf(answer), &answerError{inWords(answer), answer}
	case isNetwork(err):
		out.Kind = Unreachable
	case realm.url != nil && !realm.trusted:
		out.Kind, out.Err = BadTokenServer, fmt.Errorf("it sends those who ask to %s://%s for a token, which is not encrypted, or a private address and the registry's is not", realm.url.Scheme, realm.url.Host)
	}
	if out.Kind == Unreachable {
		out.After = after
	}
	return out
}

// answerError is a registry's answer in words.
type answerError struct {
	text   string
	answer *transport.Error
}

func (e *answerError) Error() string { return e.text }

func (e *answerError) Unwrap() error { return e.answer }

func kindOf(answer *transport.Error) Kind {
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return NotFound
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return Denied
	case answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode >= http.StatusInternalServerError, answer.Temporary():
		return Unreachable
	}
	return Invalid
}

const maxWords = 300

// inWords is a registry's answer on one line: what it says of itself may be a
// whole page.
func inWords(answer *transport.Error) string {
	text := fmt.Sprintf("status %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	for _, d := range answer.Errors {
		if d.Message != "" {
			text += ", " + d.Message
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// shown is a reference as people write it.
func shown(ref name.Reference) string {
	separator := ":"
	if _, ok := ref.(name.Digest); ok {
		separator = "@"
	}
	return repository(ref) + separator + ref.Identifier()
}
