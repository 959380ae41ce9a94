package router

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// route is one host and path, in the form that requests are compared in:
// lower case, since Cloud Foundry's router tells neither hosts nor paths
// apart by case.
type route struct {
	host     string   // "shop.example.com" or "*.example.com"
	segments []string // of the path, decoded; none = every path
}

// String gives the route in its one form: equal routes give equal strings.
func (r route) String() string {
	var b strings.Builder
	b.WriteString(r.host)
	for _, s := range r.segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// wildcard says whether the route is for all hosts below a domain.
func (r route) wildcard() bool { return strings.HasPrefix(r.host, "*.") }

// covers says whether the request's path is the route's own or below it.
func (r route) covers(path []string) bool {
	if len(path) < len(r.segments) {
		return false
	}
	for i, s := range r.segments {
		if path[i] != s {
			return false
		}
	}
	return true
}

// parseRoute reads what follows nomad.RouteTag in a service tag.
func parseRoute(text string) (route, error) {
	host, path, _ := strings.Cut(text, "/")
	host = lower(host)
	if err := checkHost(host); err != nil {
		return route{}, err
	}
	if strings.ContainsAny(path, "?#") {
		return route{}, errors.New("its path contains ? or #: a route ends before the query")
	}
	path = strings.TrimRight(path, "/")
	if path == "" {
		return route{host: host}, nil
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return route{}, fmt.Errorf("its path is not percent-encoded rightly: %w", err)
		}
		segments[i] = lower(decoded)
	}
	return route{host: host, segments: segments}, nil
}

// checkHost accepts DNS names (with `_`, which is common in practice) and
// wildcards of them. It refuses IP addresses: those hosts are the router's own.
func checkHost(host string) error {
	labels := strings.Split(strings.TrimPrefix(host, "*."), ".")
	if len(host) > 253 {
		return errors.New("its host is longer than 253 characters")
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("its host %q has a part that is empty or longer than 63 characters", host)
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return fmt.Errorf("its host %q contains %q: letters, digits, -, _ and a leading *. are allowed", host, c)
			}
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return fmt.Errorf("its host %q is an IP address or ends in a number: use a host name", host)
	}
	return nil
}

// requestHost brings the Host of a request into the form of a route's host:
// without port, final dot, and upper case.
func requestHost(host string) string {
	if rest, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(rest, "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	return lower(strings.TrimSuffix(host, "."))
}

// requestPath splits the path of a request, still escaped, into the segments
// that routes are compared with. An encoded slash does not split.
func requestPath(escaped string) []string {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i, s := range segments {
		if decoded, err := url.PathUnescape(s); err == nil {
			s = decoded
		}
		segments[i] = lower(s)
	}
	return segments
}

// lower is for ASCII alone: the bytes of a path need not be text.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
