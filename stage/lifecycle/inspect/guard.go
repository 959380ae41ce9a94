package inspect

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// errPlain is a registry that could only be asked in a way by which anybody
// between could read the login and change the answer.
var errPlain = errors.New("it answers by HTTP only, which is not encrypted")

// errUnlisted is a request that was not sent for that reason, whoever would
// have answered it.
var errUnlisted = errors.New("not sent, for HTTP is not encrypted and the registry is not listed")

// isPlain says whether a registry was heard of by HTTP alone: it answers so, or
// leads there.
func isPlain(err error) bool {
	return errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, errUnlisted) && !isSilence(err)
}

// guard carries the requests of one question. It speaks HTTP, and TLS without
// proof, with those hosts alone that may be insecure: the library would fall
// back to HTTP for whole networks. It keeps what the library does not hand on.
type guard struct {
	insecure []string
	registry string // "host[:port]"
	certs    string // engineCerts, or a test's

	mu         sync.Mutex
	after      time.Duration // which the registry asks to be left alone for
	realm      tokenServer
	transports map[string]http.RoundTripper // by host
}

// checked and unchecked keep connections for all that ask.
var checked, unchecked = newTransport(nil), newTransport(&tls.Config{InsecureSkipVerify: true})

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       config,
	}
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	r = g.redirected(r)
	var transport http.RoundTripper = unchecked
	if !mayBeInsecure(r.URL.Host, g.insecure) {
		if r.URL.Scheme != "https" {
			return nil, errUnlisted
		}
		var err error
		if transport, err = g.transportFor(r.URL.Host); err != nil {
			return nil, err
		}
	}
	resp, err := transport.RoundTrip(r)
	if err == nil {
		g.note(r, resp)
	}
	return resp, err
}

// note keeps what the registry says beside its answer.
func (g *guard) note(r *http.Request, resp *http.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if after := retryAfter(resp); after > 0 {
		g.after = after
	}
	if resp.StatusCode == http.StatusUnauthorized && r.URL.Host == g.registry {
		g.realm.challenge(r, resp.Header, g.insecure)
	}
}

// mayBeInsecure says whether a host is listed, or on loopback, which Docker
// trusts too.
func mayBeInsecure(host string, listed []string) bool {
	if slices.Contains(listed, host) {
		return true
	}
	only := hostname(host)
	if slices.Contains(listed, only) || only == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(only)
	return err == nil && ip.IsLoopback()
}

// hostname is a host without its port.
func hostname(host string) string {
	only, _, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]")
	}
	return only
}
