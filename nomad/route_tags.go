package nomad

import (
	"fmt"
	"slices"
	"strings"
)

// RouteTag starts the service tag that carries one route, "host[/path]".
const RouteTag = "wadi.route="

// RouteTags are the tags of a service with these routes: ours, and the same
// for Traefik's Nomad provider. They stay out of the revision, so a change of
// routes is in place. Nomad interpolates tags: `$`, `{` and `}` are escaped.
func RouteTags(service string, routes []string) []string {
	if len(routes) == 0 {
		return []string{"traefik.enable=false"} // Traefik would expose it under its own name
	}
	tags := []string{"traefik.enable=true"}
	for _, route := range slices.Sorted(slices.Values(routes)) {
		route = escapeTag(route)
		host, path, _ := strings.Cut(route, "/")
		rule := "Host(`" + host + "`)"
		if suffix, wild := strings.CutPrefix(host, "*."); wild {
			rule = "HostRegexp(`^[^.]+\\." + strings.ReplaceAll(suffix, ".", `\.`) + "$`)"
		}
		if path != "" {
			rule += " && PathPrefix(`/" + path + "`)"
		}
		tags = append(tags, RouteTag+route,
			fmt.Sprintf("traefik.http.routers.%s-%s.rule=%s", service, shortHash(route), rule))
	}
	return tags
}

// RoutesOf reads the routes back from a service's tags.
func RoutesOf(tags []string) []string {
	var routes []string
	for _, tag := range tags {
		if route, ok := strings.CutPrefix(tag, RouteTag); ok {
			routes = append(routes, unescapeTag.Replace(route))
		}
	}
	slices.Sort(routes)
	return routes
}

var (
	escape      = strings.NewReplacer("$", "%24", "{", "%7B", "}", "%7D", "`", "%60")
	unescapeTag = strings.NewReplacer("%24", "$", "%7B", "{", "%7D", "}", "%60", "`")
)

func escapeTag(route string) string { return escape.Replace(route) }
