package nomad

import (
	"errors"
	"slices"
	"testing"
)

var errFull = errors.New("full")

// failing takes some writes and then no more.
type failing struct {
	after int
	got   []string
}

func (f *failing) Write(p []byte) (int, error) {
	if len(f.got) == f.after {
		return 0, errFull
	}
	f.got = append(f.got, string(p))
	return len(p), nil
}

func TestSinkRemembersItsError(t *testing.T) {
	t.Parallel()
	called := 0
	s := &sink{w: &failing{after: 1}, onError: func() { called++ }}
	for range 4 {
		s.Write([]byte("x"))
	}
	if s.failed() != errFull || called != 1 {
		t.Errorf("error %v, told %d times", s.failed(), called)
	}
	if !slices.Equal(s.w.(*failing).got, []string{"x"}) {
		t.Errorf("written after the error: %q", s.w.(*failing).got)
	}
}
