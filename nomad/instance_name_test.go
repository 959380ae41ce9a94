package nomad

import "testing"

func TestAllocIndex(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"hello.web[0]": 0, "my.app[1].web[12]": 12, "odd": 0, "": 0, "a.b[x]": 0} {
		if got := AllocIndex(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}
