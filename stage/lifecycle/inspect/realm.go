package inspect

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// The library asks no token server at a private address, lest a foreign
// registry makes it ask what only this network's machines may. Registries of
// this network have theirs there: a GitLab or a distribution whose token server
// has another port than the registry. Such a one is given a name for the
// library, and asked where it is. The same is done where it speaks HTTP, and
// may.

// tokenServer is where a registry sends those who ask, for a token.
type tokenServer struct {
	url     *url.URL // nil = nowhere, or where the library asks by itself
	trusted bool
}

// realmName stands for it in the library's requests.
const realmName = "token-server.invalid"

var realmField = regexp.MustCompile(`(?i)(\brealm=")([^"]*)(")`)

// challenge reads where the registry that answered r sends us, and puts the
// name in its place if that is to be asked.
func (s *tokenServer) challenge(r *http.Request, header http.Header, insecure []string) {
	for i, text := range header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		field := realmField.FindStringSubmatch(text)
		if !strings.EqualFold(scheme, "bearer") || field == nil {
			continue
		}
		realm, err := url.Parse(field[2])
		if err != nil || realm.Host == r.URL.Host && realm.Scheme == r.URL.Scheme {
			continue
		}
		plain := realm.Scheme == "http" && r.URL.Scheme == "https"
		ip, err := netip.ParseAddr(realm.Hostname())
		private := err == nil && isPrivate(ip)
		if !plain && !private {
			continue
		}
		s.url = realm
		s.trusted = !ip.IsLinkLocalUnicast() && (!plain || mayBeInsecure(realm.Host, insecure)) && (!private || isPrivateHost(r.Context(), r.URL.Hostname()))
		if s.trusted {
			named := *realm
			named.Scheme, named.Host = "https", realmName
			header["Www-Authenticate"][i] = realmField.ReplaceAllLiteralString(text, `realm="`+named.String()+`"`)
		}
	}
}

// redirected is a request to the name as one to the token server.
func (g *guard) redirected(r *http.Request) *http.Request {
	g.mu.Lock()
	realm := g.realm
	g.mu.Unlock()
	if r.URL.Host != realmName || !realm.trusted {
		return r
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = realm.url.Scheme, realm.url.Host, realm.url.Host
	return r
}

// isPrivate says whether an address is one of this machine's or network's own.
func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}

// isPrivateHost says whether a host has private addresses alone.
func isPrivateHost(ctx context.Context, host string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, ip := range ips {
		if !isPrivate(ip) {
			return false
		}
	}
	return err == nil && len(ips) > 0
}

// shownRealm is an error of the library with the token server as it is.
type shownRealm struct {
	err   error
	realm *url.URL
}

func (e *shownRealm) Error() string {
	return strings.ReplaceAll(e.err.Error(), "https://"+realmName, e.realm.Scheme+"://"+e.realm.Host)
}

func (e *shownRealm) Unwrap() error { return e.err }
