package reconcile

import (
	"slices"

	"wadi/spec"
)

// sharedKey is what apps have in common of which one is staged for all: what
// is staged, with whose rights, and on which nodes. It holds a password, and
// stays in memory.
func (w *work) sharedKey() string {
	key := struct {
		StagingKey string
		Login      login
		Driver     string
		Image      string
		Nodes      spec.Placement
	}{StagingKey: w.pinned.StagingKey}
	if l := w.pinned.Login; l != nil {
		key.Login = *l
		if l.Fleeting {
			key.Login.Password = "" // Docker's own for all apps, and new each time
		}
	}
	stack := w.want.Stack
	if w.want.Staging != nil {
		stack = *w.want.Staging
	}
	key.Driver, key.Image, key.Nodes = stack.Driver, stack.Image, stack.Placement
	return string(mustJSON(key))
}

// shareStagings marks the stagings that another app's stands for.
func (p *Plan) shareStagings() {
	first := map[string]string{}
	for _, app := range p.Apps {
		if app.work == nil {
			continue
		}
		at := slices.IndexFunc(app.Operations, func(op Operation) bool { return op.Kind == Stage })
		if at < 0 {
			continue
		}
		key := app.work.sharedKey()
		if other, ok := first[key]; ok {
			app.work.shares = true
			app.Operations[at].Reason += ", and once for it and app " + other
		} else {
			first[key] = app.App
		}
	}
}
