package procstat

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const tail = " -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2"

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Stat{
		"42 (sh) S 7 42 42 34816" + tail:    {State: 'S', Parent: 7, TTY: 34816, Start: 987654},
		"42 (a) b (c)) R 7 42 42 0" + tail:  {State: 'R', Parent: 7, Start: 987654},
		"42 () ) 5 (\n) S 12 42 0 0" + tail: {State: 'S', Parent: 12, Start: 987654},
		"42 (sh) Z 7 42 42 0" + tail:        {State: 'Z', Parent: 7, Start: 987654},
	} {
		if got, err := parse(text); err != nil || got != want {
			t.Errorf("parse(%q) = %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "42 sh S 7", "42 (sh)", "42 (sh) S 7", "42 (sh) S x 42 42 0" + tail} {
		if _, err := parse(bad); err == nil {
			t.Errorf("parse(%q) gives no error", bad)
		}
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	for state, want := range map[byte]bool{'R': false, 'S': false, 'D': false, 'Z': true, 'X': true} {
		if got := (Stat{State: state}).Ended(); got != want {
			t.Errorf("Ended of %c = %v", state, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("42 (sh) S 7 42 42 34816" + tail)
	f.Add("42 (a) b (c)) S 7 42 42 0" + tail)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(text)
		if err == nil && !strings.Contains(text, fmt.Sprint(s.Start)) {
			t.Errorf("the start time %d is not in %q", s.Start, text)
		}
	})
}

func TestOfThisProcess(t *testing.T) {
	t.Parallel()
	s, err := Read(os.Getpid())
	if err != nil || s.Parent != os.Getppid() || s.Start == 0 || s.Ended() {
		t.Errorf("Read = %+v, %v", s, err)
	}
	pids, err := PIDs()
	if err != nil || !slices.Contains(pids, os.Getpid()) || !slices.Contains(pids, os.Getppid()) {
		t.Errorf("PIDs = %v, %v: not with this process and its parent", pids, err)
	}
}
