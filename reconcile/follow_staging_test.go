package reconcile

import (
	"testing"
)

// TestStagingsAreToldOnce counts equal lines, app by app.
func TestStagingsAreToldOnce(t *testing.T) {
	t.Parallel()
	s := newStagings(noon)
	s.told("a", "same")
	s.told("a", "same")
	s.told("b", "other")
	for i, c := range []struct {
		app, text string
		want      bool
	}{
		{"a", "same", true}, {"a", "new", false}, {"a", "same", true}, {"a", "same", false}, {"a", "other", false}, {"b", "other", true},
	} {
		if got := s.wasTold(c.app, c.text); got != c.want {
			t.Errorf("line %d: %v", i, got)
		}
	}
	s.told("a", "same")
	s.forget("a")
	if s.wasTold("a", "same") {
		t.Error("a line of another staging counts")
	}
	rev := revisionRecord{StagingKey: "k", Generation: 1}
	if !s.isNew("job", rev) || s.isNew("job", rev) || !s.isNew("other", rev) {
		t.Error("a version is new once for each job")
	}
	rev.Generation = 2
	if !s.isNew("job", rev) {
		t.Error("what was staged again is not new")
	}
}
