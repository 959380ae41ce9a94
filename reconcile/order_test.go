package reconcile

import (
	"fmt"
	"testing"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	app := func(name string, loses, gains []string) AppPlan {
		return AppPlan{App: name, loses: loses, gains: gains}
	}
	for name, c := range map[string]struct {
		apps []AppPlan
		want string
	}{
		"a route moves":       {[]AppPlan{app("old", []string{"r"}, nil), app("new", nil, []string{"r"})}, "old after new; "},
		"whichever is first":  {[]AppPlan{app("new", nil, []string{"r"}), app("old", []string{"r"}, nil)}, "old after new; "},
		"two swap":            {[]AppPlan{app("a", []string{"x"}, []string{"y"}), app("b", []string{"y"}, []string{"x"})}, "a after b; "},
		"three in a ring":     {[]AppPlan{app("a", []string{"x"}, []string{"z"}), app("b", []string{"y"}, []string{"x"}), app("c", []string{"z"}, []string{"y"})}, "a after b; b after c; "},
		"nobody takes it":     {[]AppPlan{app("a", []string{"x"}, nil), app("b", nil, []string{"y"})}, ""},
		"its path changes":    {[]AppPlan{app("a", []string{"x"}, []string{"x/p"})}, ""},
		"two routes, one app": {[]AppPlan{app("a", []string{"x", "y"}, nil), app("b", nil, []string{"x", "y"})}, "a after b; a after b; "},
	} {
		plan := Plan{Apps: c.apps}
		plan.order()
		got := ""
		for _, a := range plan.Apps {
			for _, after := range a.After {
				got += fmt.Sprintf("%s after %s; ", a.App, after.App)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
