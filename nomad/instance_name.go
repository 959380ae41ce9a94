package nomad

import (
	"fmt"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// AllocIndex is the number of an instance within its group, from the
// allocation's name: "shop.web[2]" is 2. It is 0 where there is none, which
// Nomad makes no name of.
func AllocIndex(name string) int {
	var n int
	if i := strings.LastIndexByte(name, '['); i >= 0 {
		fmt.Sscanf(name[i:], "[%d]", &n)
	}
	return n
}

// instanceName is an instance as events and logs name it, and its allocation.
func instanceName(a *api.AllocationListStub) string {
	return fmt.Sprintf("instance %s #%d (%s)", a.TaskGroup, AllocIndex(a.Name), short(a.ID))
}
