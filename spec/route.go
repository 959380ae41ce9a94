package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// routes reads where an app's routes come from and the routes themselves.
func (d *appDecoder) routes(f fields) {
	none := d.boolean(f["no_route"], "No-route")
	random := d.boolean(f["random_route"], "Random-route")
	byName := d.boolean(f["default_route"], "Default-route")
	if random && byName {
		d.err(f["default_route"], "Random-route and default-route may not be used together", "Remove one of them.")
	}
	n := f["routes"]
	if n != nil {
		d.app.Routes = []Route{}
		d.routeList(n)
	}
	d.overruledRoutes(f, none)
	switch {
	case none:
		d.app.RouteMode = RoutesNone
	case n != nil:
		d.app.RouteMode = RoutesExplicit
	case random:
		d.app.RouteMode = RoutesRandom
	case byName:
		d.app.RouteMode = RoutesDefault
	}
	if d.app.RouteMode == RoutesUnset || d.app.RouteMode == RoutesDefault {
		d.defaultRoute(f)
	}
}

// overruledRoutes tells of what says in vain where routes come from:
// no-route counts before routes, that before random-route and default-route.
func (d *appDecoder) overruledRoutes(f fields, none bool) {
	key := func(yaml string) string { return d.how(yaml, strings.ReplaceAll(yaml, "-", "_")) }
	n := f["routes"]
	if none && n != nil && len(n.items) > 0 {
		d.warn(n, fmt.Sprintf("routes are ignored: %s is true", key("no-route")), "Remove one of them.")
	}
	for _, name := range []string{"random_route", "default_route"} {
		mode := f[name]
		switch {
		case mode == nil || !mode.b:
		case none:
			d.warn(mode, fmt.Sprintf("%s is ignored: %s is true", key(spelling(name)), key("no-route")), "Remove one of them.")
		case n != nil:
			d.warn(mode, fmt.Sprintf("%s is ignored: the app has routes", key(spelling(name))), "Remove one of them.")
		}
	}
}

func (d *appDecoder) boolean(n *node, label string) bool {
	if n == nil || n.kind == kindNull {
		return false
	}
	if n.kind != kindBool {
		d.err(n, label+" must be a boolean", "Write true or false without quotes.")
		return false
	}
	return n.b
}

var hostPattern = regexp.MustCompile(`^[\w-]+$`)

// defaultRoute checks that the app's name can be the host of its route.
func (d *appDecoder) defaultRoute(f fields) {
	place := f["name"]
	if place == nil {
		place = d.root
	}
	fix := d.how("Give the app `routes` of its own, or `no-route: true`, or another name.", "Give the app routes of its own, or no_route = true, or another name.")
	switch {
	case !hostPattern.MatchString(d.app.Name):
		d.err(place, `Failed to create default route from app name: Host must be either "*" or contain only alphanumeric characters, "_", or "-"`, fix)
	case len(d.app.Name) > 63:
		d.err(place, "Failed to create default route from app name: Host cannot exceed 63 characters", fix)
	}
}

// routeList checks the routes: first that all are routes at all (then
// Cloud Foundry says nothing more), then each.
func (d *appDecoder) routeList(n *node) {
	const wrong = "Routes must be a list of route objects"
	if n.kind != kindList {
		d.err(n, wrong, d.how("Write a list: `- route: app.example.com`.", `Write a list: routes = ["app.example.com"].`))
		return
	}
	for _, r := range n.items {
		route := r.get("route")
		if route == nil || route.kind == kindNull || strings.TrimSpace(route.text()) == "" && route.kind == kindString {
			d.err(inField(n, r), wrong, "This is not a route: write "+d.how("`- route: app.example.com`", `"app.example.com" or { route = "app.example.com" }`)+".")
			return
		}
	}
	first := map[string]*node{}
	for i, r := range n.items {
		text := r.get("route")
		if text.kind == kindList || text.kind == kindMap {
			d.err(text, fmt.Sprintf("The route '%s' is not a properly formed URL", text.inspect()), "Write a host name: app.example.com.")
			continue
		}
		d.hide(indexed("routes", i), r)
		route, ok := d.route(r, text)
		if !ok {
			continue
		}
		if first[route.Route] != nil {
			d.warn(text, fmt.Sprintf("route %s is given twice", route.Route), fmt.Sprintf("Remove it here or on line %d.", first[route.Route].line))
			continue
		}
		first[route.Route] = text
		d.app.Routes = append(d.app.Routes, route)
	}
}

func (d *appDecoder) route(n, text *node) (Route, bool) {
	written := text.text()
	route, problem, fix := parseRoute(written)
	if problem != "" {
		d.err(text, problem, fix)
	}
	route.Pos = d.src.pos(text)
	protocolOK := d.protocol(n.get("protocol"), &route)
	optionsOK := d.routeOptions(n, written, &route)
	for _, e := range n.entries {
		switch e.key.text() {
		case "route", "protocol", "options":
		default:
			d.unknownKey(e.key, "a route", names(routeTable))
		}
	}
	return route, problem == "" && protocolOK && optionsOK
}

func (d *appDecoder) protocol(n *node, route *Route) bool {
	if n == nil || n.kind == kindNull {
		return true
	}
	text := n.text()
	valid, of := []string{"http1", "http2"}, "http"
	if route.Port != 0 {
		valid, of = []string{"tcp"}, "tcp"
	}
	switch {
	case !slices.Contains(protocolWords, text):
		d.err(n, "Route protocol must be 'http1', 'http2' or 'tcp'.", "Write one of the three, or remove the key.")
		return false
	case route.Host != "" && !slices.Contains(valid, text):
		d.err(n, fmt.Sprintf("Cannot use '%s' protocol for %s routes; valid options are: [%s]", text, of, strings.Join(valid, ", ")),
			"A route with a port is a tcp route; all others are http.")
		return false
	}
	route.Protocol = text
	return true
}

func (d *appDecoder) routeOptions(n *node, written string, route *Route) bool {
	options := n.get("options")
	if options == nil {
		return true
	}
	if options.kind != kindMap {
		d.err(options, fmt.Sprintf("Route '%s': options must be an object", written), "Write `options: {loadbalancing: round-robin}`.")
		return false
	}
	const valid, fix = "Valid values are: 'round-robin, least-connection'", "Write round-robin or least-connection."
	ok := true
	for _, e := range options.entries {
		key := e.key.text()
		switch {
		case key != "loadbalancing":
			d.err(e.val, fmt.Sprintf("Route '%s' contains invalid route option '%s'. Valid keys: 'loadbalancing'", written, key), "Remove the option.")
		case e.val.kind != kindString:
			d.err(e.val, fmt.Sprintf("Invalid value for 'loadbalancing' for Route '%s'; %s", written, valid), fix)
		case !slices.Contains(balancingWords, e.val.str):
			d.err(e.val, fmt.Sprintf("Cannot use loadbalancing value '%s' for Route '%s'; %s", e.val.str, written, valid), fix)
		default:
			if route.Options == nil {
				route.Options = map[string]string{}
			}
			route.Options[key] = e.val.str
			continue
		}
		ok = false
	}
	return ok
}

var (
	schemePattern = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*)://`)
	labelPattern  = regexp.MustCompile(`^[\w-]+$`)
)

// parseRoute reads `[http://|https://|tcp://]host[:port][/path]` as Cloud
// Foundry does: a host needs a dot unless there is a scheme, a port makes a
// tcp route. Problem is "" if the route is well formed, else what is wrong
// and fix what to do.
func parseRoute(written string) (route Route, problem, fix string) {
	malformed := fmt.Sprintf("The route '%s' is not a properly formed URL", written)
	rest, scheme := strings.TrimSpace(written), ""
	if m := schemePattern.FindStringSubmatch(rest); m != nil {
		scheme, rest = strings.ToLower(m[1]), rest[len(m[0]):]
	}
	route = Route{Route: rest, Written: written}
	switch scheme {
	case "", "http", "https", "tcp":
	default:
		return route, malformed, "The scheme of a route is http, https or tcp, or left out."
	}
	host, path, hasPath := strings.Cut(rest, "/")
	if hasPath {
		path = "/" + path
	}
	host, port, hasPort := strings.Cut(host, ":")
	if hasPort {
		number, err := strconv.Atoi(port)
		if err != nil || number < 1 || number > 65535 {
			return route, malformed, "A port is a number from 1 to 65535."
		}
		if scheme == "http" || scheme == "https" {
			return route, malformed, "Only tcp routes have a port: remove it, or write tcp:// or no scheme."
		}
		route.Port = number
	} else if scheme == "tcp" {
		return route, malformed, "A tcp route needs its port: tcp://host:1025."
	}
	host = strings.ToLower(host)
	if problem, fix := hostProblem(host, scheme, malformed); problem != "" {
		return route, problem, fix
	}
	route.Host = host
	if problem, fix := pathProblem(path, malformed); problem != "" {
		return route, problem, fix
	}
	route.Path = path
	// Hosts know no case: the same route must have one text.
	route.Route = host + rest[len(host):]
	return route, "", ""
}

func hostProblem(host, scheme, malformed string) (problem, fix string) {
	labels := strings.Split(strings.TrimPrefix(host, "*."), ".")
	for i, label := range labels {
		switch {
		case !labelPattern.MatchString(label):
			return malformed, "A host has labels of letters, digits, - and _ with dots between, such as app.example.com; `*` only as the first label."
		case len(label) > 63:
			if i == 0 {
				return "Host cannot exceed 63 characters", "Shorten the first part of the route."
			}
			return malformed, "A label of a host has at most 63 characters."
		}
	}
	switch {
	case len(host) > 253:
		return "Host combined with domain name cannot exceed 253 characters", "Shorten the route."
	case len(labels) == 1 && scheme == "" && !strings.HasPrefix(host, "*."):
		return malformed, "Write the whole host name with its domain: " + host + ".example.com."
	}
	return "", ""
}

func pathProblem(path, malformed string) (problem, fix string) {
	switch {
	case path == "/":
		return "Path cannot be exactly '/'", "Remove the slash at the end of the route."
	case strings.Contains(path, "?"):
		return "Path cannot contain '?'", "Remove what follows the question mark."
	case strings.ContainsAny(path, " \t\r\n#"):
		return malformed, "A path has no blanks and no #."
	case len(path) > 128:
		return "Path cannot exceed 128 characters", "Shorten the route's path."
	}
	return "", ""
}
