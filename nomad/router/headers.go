package router

import (
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
)

const (
	headerVcapRequestID = "X-Vcap-Request-Id"
	headerRequestID     = "X-Request-Id"
	headerRequestStart  = "X-Request-Start"
	headerRouterError   = "X-Cf-Routererror"
)

// rewrite makes the request that the app gets. ReverseProxy has removed the
// hop-by-hop headers, those named in Connection included, and puts Upgrade
// back.
func (x *exchange) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	out.URL.Scheme = "http"
	out.URL.RawQuery = pr.In.URL.RawQuery // as it came: semicolons are the app's business
	out.Trailer = pr.In.Trailer           // filled while the body is read, so not a copy
	stripForwarding(out.Header)
	stripH2C(out.Header)

	out.Header.Set("X-Forwarded-For", peerIP(pr.In.RemoteAddr))
	out.Header.Set("X-Forwarded-Host", pr.In.Host)
	out.Header.Set("X-Forwarded-Proto", scheme(pr.In))
	out.Header.Set(headerVcapRequestID, x.id)
	if out.Header.Get(headerRequestID) == "" {
		out.Header.Set(headerRequestID, x.id)
	}
	if out.Header.Get(headerRequestStart) == "" {
		out.Header.Set(headerRequestStart, strconv.FormatInt(x.start.UnixMilli(), 10))
	}
}

// scheme is how the client speaks to us.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// stripForwarding drops what a client claims about the way it came: here is
// the edge, nobody before us could know. Underscores count as dashes, because
// CGI and WSGI make the same variable of both.
func stripForwarding(h http.Header) {
	for name := range h {
		n := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if n == "forwarded" || n == "x-real-ip" || n == "x-vcap-request-id" || strings.HasPrefix(n, "x-forwarded-") {
			delete(h, name)
		}
	}
}

// stripH2C removes the offer to go on in cleartext HTTP/2 (withdrawn by RFC
// 9113). Inside such a connection requests would pass by everything that is
// decided here.
func stripH2C(h http.Header) {
	for _, offer := range h.Values("Upgrade") {
		for protocol := range strings.SplitSeq(offer, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "h2c") {
				h.Del("Upgrade")
				h.Del("Connection")
				h.Del("Http2-Settings")
				return
			}
		}
	}
}

// modifyResponse looks at the app's response before it is copied.
func (x *exchange) modifyResponse(res *http.Response) error {
	// Ours alone, so that an error of the router can be told from one of the app.
	res.Header.Del(headerRouterError)
	res.Header.Set(headerVcapRequestID, x.id)
	stick(res, x.sticky, x.instance.alloc)
	if _, ok := res.Header["Content-Type"]; !ok {
		x.out.Header()["Content-Type"] = nil // keeps the server from guessing one
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.out.status = res.StatusCode // the header goes past WriteHeader
	}
	return nil
}
