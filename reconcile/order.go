package reconcile

import (
	"fmt"
	"slices"
)

// After is an app that has to be done first, and why.
type After struct {
	App   string `json:"app"`
	Route string `json:"route"` // that it takes over

	index int // of the app in the plan
}

func (a After) String() string { return fmt.Sprintf("app %s, which takes route %s", a.App, a.Route) }

// order lets an app that gives a route up wait for the one that takes it, so
// that somebody answers at any time. Apps that would wait for each other (two
// that swap routes) don't: the one that comes first in the plan goes on.
func (p *Plan) order() {
	for i := range p.Apps {
		loser := &p.Apps[i]
		for j, gainer := range p.Apps {
			for _, route := range gainer.gains {
				if i != j && slices.Contains(loser.loses, route) && !p.waits(j, i) {
					loser.After = append(loser.After, After{App: gainer.App, Route: route, index: j})
				}
			}
		}
	}
}

// waits says whether app i waits for app j, also through others.
func (p *Plan) waits(i, j int) bool {
	return slices.ContainsFunc(p.Apps[i].After, func(a After) bool { return a.index == j || p.waits(a.index, j) })
}
