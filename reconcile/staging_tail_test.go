package reconcile

import (
	"fmt"
	"slices"
	"testing"
)

// TestStagingTail: whichever stream comes first, the failure is told alike.
func TestStagingTail(t *testing.T) {
	t.Parallel()
	numbered := func(stream string, from, to int) []string {
		var out []string
		for n := from; n <= to; n++ {
			out = append(out, fmt.Sprint(stream, n))
		}
		return out
	}
	for name, c := range map[string]struct {
		out, errs int // lines that were written
		want      []string
	}{
		"nothing":             {0, 0, nil},
		"a few":               {2, 1, append(numbered("out", 1, 2), numbered("err", 1, 1)...)},
		"a reason after much": {300, 3, append(numbered("out", 274, 300), numbered("err", 1, 3)...)},
		"much on both":        {300, 300, append(numbered("out", 286, 300), numbered("err", 286, 300)...)},
		"much on one":         {4, 300, append(numbered("out", 1, 4), numbered("err", 275, 300)...)},
		"all on one":          {0, 300, numbered("err", 271, 300)},
	} {
		var first, last stagingTail
		for _, line := range numbered("out", 1, c.out) {
			first.add(line, false)
		}
		for _, line := range numbered("err", 1, c.errs) {
			first.add(line, true)
			last.add(line, true)
		}
		for _, line := range numbered("out", 1, c.out) {
			last.add(line, false)
		}
		if !slices.Equal(first.lines(), c.want) || !slices.Equal(last.lines(), c.want) {
			t.Errorf("%s: %q and %q, want %q", name, first.lines(), last.lines(), c.want)
		}
	}
}
