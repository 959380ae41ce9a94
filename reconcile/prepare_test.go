package reconcile

import (
	"bytes"
	"testing"
)

// TestDecided: what another apply may have changed is what nobody decides on.
func TestDecided(t *testing.T) {
	t.Parallel()
	plan := func(change func(*AppPlan)) []byte {
		app := AppPlan{App: "shop", Job: "shop", Action: Create, Changes: []Change{{What: "droplet", To: afterStaging}, {What: "route", To: "a.localhost"}},
			Operations: []Operation{{Upload, "package", "new"}, {Stage, "with go", "new"}, {Write, "the revision", "new"}, {Register, "job shop", "new"}}}
		change(&app)
		return (&Plan{Apps: []AppPlan{app, {App: "other", Action: LeftAlone}}}).decided()
	}
	as := plan(func(*AppPlan) {})
	for name, c := range map[string]struct {
		change func(*AppPlan)
		same   bool
	}{
		"staged meanwhile": {func(a *AppPlan) { a.Operations, a.Changes[0].To = a.Operations[2:], "abc" }, true},
		"another reason":   {func(a *AppPlan) { a.Operations[3].Reason = "other" }, true},
		"a warning":        {func(a *AppPlan) { a.Warnings = []string{"no room"} }, true},
		"exists by now":    {func(a *AppPlan) { a.Action = Update }, false},
		"another route":    {func(a *AppPlan) { a.Changes[1].To = "b.localhost" }, false},
		"more instances":   {func(a *AppPlan) { a.Operations[3].What = "job shop, replacing 2 instances" }, false},
		"nothing to do":    {func(a *AppPlan) { a.Operations = nil }, false},
		"has to wait":      {func(a *AppPlan) { a.After = []After{{App: "other"}} }, false},
	} {
		if got := bytes.Equal(plan(c.change), as); got != c.same {
			t.Errorf("%s: same is %v", name, got)
		}
	}
	more := append([]AppPlan{}, AppPlan{App: "shop", Operations: []Operation{{Register, "job shop", ""}}}, AppPlan{App: "old", Action: Destroy, Operations: []Operation{{Stop, "job old", ""}}})
	if bytes.Equal((&Plan{Apps: more}).decided(), (&Plan{Apps: more[:1]}).decided()) {
		t.Error("a stop more is the same")
	}
}
