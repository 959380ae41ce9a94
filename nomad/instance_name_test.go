package nomad

import (
	"testing"

	"github.com/hashicorp/nomad/api"
)

func TestInstanceName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"shop.web[0]":      "instance web #0 (494c2ee6)",
		"shop.web[12]":     "instance web #12 (494c2ee6)",
		"a[7].web[3]":      "instance web #3 (494c2ee6)",
		"no index in this": "instance web #0 (494c2ee6)",
	} {
		a := &api.AllocationListStub{ID: "494c2ee6-22d1-7e5c-36b9-c7a1b2f4ed31", Name: name, TaskGroup: "web"}
		if got := instanceName(a); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
