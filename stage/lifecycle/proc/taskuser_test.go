package proc

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

func TestTaskUser(t *testing.T) {
	t.Parallel()
	const one, other = "5cd12f0f-2a5a-d1ec-0d95-8d2fe0e7f6fd", "5cd12f0f-2a5a-d1ec-0d95-8d2fe0e7f6fe"
	for name, c := range map[string]struct {
		allocID, taskDir, container string
		want                        User
	}{
		"an allocation":                {one, "/data/alloc/" + one + "/app/local", "", User{UID: 2069870723, GID: 2069870723, Sees: "/data/alloc/" + one + "/app/local"}},
		"another, in a strange folder": {other, "/data/alloc/" + one + "/app/local", "", User{UID: 2062346717, GID: 2062346717}},
		"no allocation":                {"", "/x/local", "", User{UID: 2000, GID: 2000}},
		"a container":                  {one, "/local", lifecycle.ContainerOwnNetwork, User{UID: 2000, GID: 2000}},
		"one on the network of a node": {other, "/local", lifecycle.ContainerHostNetwork, User{UID: 2000, GID: 2000}},
	} {
		if diff := cmp.Diff(c.want, taskUser(c.allocID, c.taskDir, c.container)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestTaskUserRange: the ids of many allocations stay in the range, and
// hardly any two of them are the same.
func TestTaskUserRange(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	const n = 100_000
	for i := range n {
		u := taskUser(strconv.Itoa(i), "", "")
		if u.UID < firstUser || u.UID >= endUser {
			t.Fatalf("%d is not in the range", u.UID)
		}
		seen[u.UID] = true
	}
	if twice := n - len(seen); twice > 200 { // 37 are to be expected
		t.Errorf("%d of %d ids are another's too", twice, n)
	}
}
