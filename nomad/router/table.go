package router

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// table maps hosts and paths to pools. It is never changed once built: a
// change of routes or instances makes a new one.
type table struct {
	exact    map[string][]*pool // by host
	wildcard map[string][]*pool // by the domain below which they match
}

// claim is what one instance registered.
type claim struct {
	instance *instance
	routes   []route
}

// buildTable gives each route to the instances that claim it. Where two jobs
// claim one route the older job (the lower create index) keeps it; notices
// say so, one a conflict, in a stable order.
func buildTable(claims []claim) (*table, []string) {
	byRoute := map[string][]*instance{}
	routes := map[string]route{}
	for _, c := range claims {
		for _, r := range c.routes {
			key := r.String()
			routes[key] = r
			byRoute[key] = append(byRoute[key], c.instance)
		}
	}
	t := &table{exact: map[string][]*pool{}, wildcard: map[string][]*pool{}}
	var notices []string
	for key, instances := range byRoute {
		winner, lost := oldestApp(instances)
		for _, app := range lost {
			notices = append(notices, fmt.Sprintf(
				"route %s is claimed by two apps: %s keeps it as the older job, %s is not served there: take the route from one of their files",
				key, winner, app))
		}
		t.add(newPool(routes[key], winner, instances))
	}
	for _, pools := range t.exact {
		sortPools(pools)
	}
	for _, pools := range t.wildcard {
		sortPools(pools)
	}
	slices.Sort(notices)
	return t, notices
}

func (t *table) add(p *pool) {
	if p.route.wildcard() {
		domain := strings.TrimPrefix(p.route.host, "*.")
		t.wildcard[domain] = append(t.wildcard[domain], p)
		return
	}
	t.exact[p.route.host] = append(t.exact[p.route.host], p)
}

// sortPools puts the longest path first, which makes the first match the one.
func sortPools(pools []*pool) {
	slices.SortFunc(pools, func(a, b *pool) int {
		return cmp.Compare(len(b.route.segments), len(a.route.segments))
	})
}

// lookup finds the pool for a request's Host and escaped path, or nil. A host
// of its own goes before a wildcard and a longer wildcard before a shorter
// one, but only if one of its paths matches.
func (t *table) lookup(host, escapedPath string) *pool {
	host = requestHost(host)
	path := requestPath(escapedPath)
	if p := firstCovering(t.exact[host], path); p != nil {
		return p
	}
	for domain := host; ; {
		_, rest, found := strings.Cut(domain, ".")
		if !found {
			return nil
		}
		domain = rest
		if p := firstCovering(t.wildcard[domain], path); p != nil {
			return p
		}
	}
}

func firstCovering(pools []*pool, path []string) *pool {
	for _, p := range pools {
		if p.route.covers(path) {
			return p
		}
	}
	return nil
}

// size is the number of routes.
func (t *table) size() int {
	n := 0
	for _, pools := range t.exact {
		n += len(pools)
	}
	for _, pools := range t.wildcard {
		n += len(pools)
	}
	return n
}

// oldestApp picks the app whose job was created first, and lists the others.
func oldestApp(instances []*instance) (app, []app) {
	var apps []app
	for _, i := range instances {
		if !slices.Contains(apps, i.app) {
			apps = append(apps, i.app)
		}
	}
	slices.SortFunc(apps, func(a, b app) int {
		return cmp.Or(
			cmp.Compare(a.createIndex, b.createIndex),
			cmp.Compare(a.namespace, b.namespace),
			cmp.Compare(a.job, b.job))
	})
	return apps[0], apps[1:]
}
