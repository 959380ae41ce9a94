package reconcile

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"wadi/nomad"
)

func TestKeepKeys(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 25<<10)
	used := nomad.KeysInUse{Live: map[string]bool{"e-now": true}, Kept: map[string]bool{"e-now": true, "e-old": true}}
	for name, c := range map[string]struct {
		old, news map[string]string
		want      string
	}{
		"unused ones go":          {map[string]string{"e-now": "1", "e-old": "2", "e-gone": "3"}, map[string]string{"e-new": "4"}, "e-new e-now e-old"},
		"room for the live alone": {map[string]string{"e-now": big, "e-old": big}, map[string]string{"e-new": big}, "e-new e-now"},
		"the first":               {nil, map[string]string{"e-new": "1"}, "e-new"},
	} {
		got := strings.Join(slices.Sorted(maps.Keys(keepKeys(c.old, c.news, used))), " ")
		if got != c.want {
			t.Errorf("%s: kept %q, want %q", name, got, c.want)
		}
	}
}
