package reconcile

import (
	"testing"

	"wadi/spec"
)

// The plan says which stagings are one, and counts that once.
func TestShareStagings(t *testing.T) {
	t.Parallel()
	app := func(name, key string, l *login, kinds ...Kind) AppPlan {
		at := &spec.Stack{Name: name, Driver: "docker", Image: "rootfs", Placement: spec.Placement{NodePool: "default"}} // by whatever name
		out := AppPlan{App: name, work: &work{want: desired{Staging: at}, pinned: pinned{StagingKey: key, Login: l}}}
		for _, kind := range kinds {
			out.Operations = append(out.Operations, Operation{kind, "", "new"})
		}
		return out
	}
	on := func(pool string, a AppPlan) AppPlan {
		a.work.want.Staging.NodePool = pool
		return a
	}
	bob := func(password string, fleeting bool) *login {
		return &login{Shown: "bob at registry.example.com", Username: "bob", Password: password, Fleeting: fleeting}
	}
	inVariable := func(path string) *login { return &login{Shown: "a Variable at registry.example.com", Variable: path} }
	p := Plan{Apps: []AppPlan{
		app("known", "k", nil, Write, Register), app("one", "k", nil, Stage, Write), app("two", "k", nil, Stage, Write), app("bobs", "k", bob("new", false), Stage),
		app("other", "o", nil, Upload, Stage), app("three", "k", nil, Stage), {App: "gone", Operations: []Operation{{Stop, "", ""}}},
		app("another password", "k", bob("old", false), Stage), app("bob again", "k", bob("new", false), Stage),
		app("docker's", "k", bob("1", true), Stage), app("docker's next", "k", bob("2", true), Stage),
		app("variable", "k", inVariable("a"), Stage), app("variable again", "k", inVariable("a"), Stage), app("another variable", "k", inVariable("b"), Stage),
		on("far", app("elsewhere", "k", nil, Stage)), on("far", app("there too", "k", nil, Stage)),
	}}
	p.shareStagings()
	p.summarize()
	first := map[string]string{"two": "one", "three": "one", "bob again": "bobs", "docker's next": "docker's", "variable again": "variable", "there too": "elsewhere"}
	if p.Summary.Stage != 8 {
		t.Errorf("%d to stage", p.Summary.Stage)
	}
	for _, a := range p.Apps {
		for _, op := range a.Operations {
			want := ""
			if other := first[a.App]; op.Kind == Stage && other != "" {
				want = ", and once for it and app " + other
			}
			if op.Kind == Stage && op.Reason != "new"+want {
				t.Errorf("%s: %q", a.App, op.Reason)
			}
		}
	}
}
