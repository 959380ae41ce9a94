package inspect

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
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

// guard speaks HTTP, and TLS without proof, with those hosts alone that
// may be insecure. The library would fall back to HTTP for whole networks.
type guard struct{ insecure []string }

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

func (t *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if mayBeInsecure(r.URL.Host, t.insecure) {
		return unchecked.RoundTrip(r)
	}
	if r.URL.Scheme != "https" {
		return nil, errUnlisted
	}
	return checked.RoundTrip(r)
}

// mayBeInsecure says whether a host is listed, or on loopback, which Docker
// trusts too.
func mayBeInsecure(host string, listed []string) bool {
	if slices.Contains(listed, host) {
		return true
	}
	only, _, err := net.SplitHostPort(host)
	if err != nil {
		only = host
	}
	if slices.Contains(listed, only) || only == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(only)
	return err == nil && ip.IsLoopback()
}
