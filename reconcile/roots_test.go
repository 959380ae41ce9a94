package reconcile

import (
	"fmt"
	"testing"
)

func TestKeptRevisions(t *testing.T) {
	t.Parallel()
	rec := record{}
	for _, key := range []string{"a", "b", "c", "d"} {
		rec.Revisions = append(rec.Revisions, revisionRecord{Key: key})
	}
	for name, c := range map[string]struct {
		newest int
		used   map[string]bool
		want   string
	}{
		"the last":              {1, nil, "d"},
		"the last two":          {2, nil, "cd"},
		"more than there are":   {9, nil, "abcd"},
		"none":                  {0, nil, ""},
		"those of jobs":         {0, map[string]bool{"b": true, "x": true}, "b"},
		"the last, and of jobs": {2, map[string]bool{"a": true, "d": true}, "acd"},
	} {
		got := ""
		for _, rev := range rec.kept(c.newest, c.used) {
			got += fmt.Sprint(rev.Key)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
