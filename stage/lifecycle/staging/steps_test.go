package staging

import (
	"testing"
	"time"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := newSteps(func() time.Time { return now })
	for _, step := range []struct {
		what string
		took time.Duration
	}{{"preparing", 20 * time.Millisecond}, {"downloading", 3200 * time.Millisecond}, {"unpacking", 400 * time.Millisecond}, {"the buildpacks", 14*time.Minute + 56*time.Second}} {
		s.begin(step.what)
		now = now.Add(step.took)
	}
	if got, want := s.String(), "downloading 3s, the buildpacks 14m56s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.begin("uploading")
	if got, want := s.String(), "downloading 3s, the buildpacks 14m56s, uploading 0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
