package inspect

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// The token server of a registry has another port than the registry.
func TestTokenServer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	server := httptest.NewServer(bearer("nobody"))
	t.Cleanup(server.Close)
	s.gate = bearer(strings.TrimPrefix(server.URL, "http://"))
	reference := s.host + "/team/one:1"
	if _, err := Image(t.Context(), reference, Options{Arch: "amd64", Login: &Login{user, password}}); err != nil {
		t.Error(err)
	}
	_, err := Image(t.Context(), reference, Options{Arch: "amd64", Login: &Login{user, "wrong"}})
	checkError(t, err, Denied, "refuses the login for the image "+reference)
	server.Close()
	_, err = Image(t.Context(), reference, Options{Arch: "amd64", Login: &Login{user, password}})
	checkError(t, err, Unreachable, server.URL+"/token?")
	if strings.Contains(err.Error(), realmName) {
		t.Errorf("the error has our name for it: %v", err)
	}
}

// Which of the token servers that registries name are asked where they are.
func TestRealms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		registry, realm string
		trusted, named  bool // named: of those which the library does not ask
	}{
		{"https://8.8.8.8", "https://auth.example.com/token", false, false},
		{"https://8.8.8.8", "https://8.8.8.8/token", false, false},
		{"https://8.8.8.8", "https://10.0.0.1/token", false, true},
		{"https://8.8.8.8", "https://127.0.0.1/token", false, true},
		{"https://8.8.8.8", "http://auth.example.com/token", false, true},
		{"https://8.8.8.8", "http://listed.example.com/token", true, true},
		{"https://10.0.0.1:5000", "https://10.0.0.1:5000/token", false, false},
		{"https://10.0.0.1:5000", "https://10.0.0.1/token", true, true},
		{"https://10.0.0.1:5000", "https://10.0.0.2/token", true, true},
		{"https://10.0.0.1:5000", "http://10.0.0.2/token", false, true},
		{"https://10.0.0.1:5000", "https://169.254.169.254/token", false, true},
		{"https://[fd00::1]:5000", "https://[fd00::2]/token", true, true},
		{"http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true, true},
		{"https://127.0.0.1:5000", "http://127.0.0.1:5001/token", true, true},
	} {
		r := httptest.NewRequest(http.MethodGet, c.registry+"/v2/", nil)
		header := http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="%s",service="registry"`, c.realm)}}
		var s tokenServer
		s.challenge(r, header, []string{"listed.example.com"})
		want := `realm="` + c.realm + `"`
		if c.trusted {
			want = `realm="https://` + realmName + `/token"`
		}
		if s.trusted != c.trusted || (s.url != nil) != c.named || !strings.Contains(header.Get("WWW-Authenticate"), want+`,service="registry"`) {
			t.Errorf("%s names %s: %+v, %s", c.registry, c.realm, s, header)
		}
	}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:192.168.0.1": true, "fe80::1": true, "0.0.0.0": true, "9.9.9.9": false, "2001:db8::1": false} {
		if got := isPrivate(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// A foreign registry does not make us ask what is in this network.
func TestForeignTokenServer(t *testing.T) {
	t.Parallel()
	ref, err := parse("registry.example.com/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{realm: tokenServer{url: &url.URL{Scheme: "https", Host: "10.0.0.1"}}}
	checkError(t, explain(g, ref, Options{}, fmt.Errorf("invalid realm")), BadTokenServer, "was not asked for the image registry.example.com/app:latest: it sends those who ask to https://10.0.0.1 for a token")
	r := httptest.NewRequest(http.MethodGet, "https://"+realmName+"/token", nil)
	if g.redirected(r) != r {
		t.Error("a request to the name went to a server that is not trusted")
	}
}
