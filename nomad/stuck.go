package nomad

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// stuckAfter is how long a task may wait for a Variable: Nomad itself waits
// for ever, and says no word of permission.
const stuckAfter = 10 * time.Second

// StuckError is a task that does not start because it waits for a Variable
// that is gone, or that its identity may not read.
type StuckError struct {
	Space string
	What  string // Nomad's words
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("the task waits for a Nomad Variable that it cannot read: %s", e.What)
}

// Hint says what to do next.
func (e *StuckError) Hint() string {
	return fmt.Sprintf(`let the jobs of space %s read it, with a policy like
  namespace %q {
    capabilities = ["read-job"] # the router may run there too, and needs it
    variables { path "PATH" { capabilities = ["read"] } }
  }
applied with: nomad acl policy apply -namespace %s NAME FILE`, e.Space, e.Space, e.Space)
}

// stuck finds what a task that has not started waits for; "" = nothing, or
// not for long enough.
func stuck(states map[string]*api.TaskState, now time.Time) string {
	for _, name := range slices.Sorted(maps.Keys(states)) {
		state := states[name]
		if state.State != "pending" {
			continue
		}
		if len(state.Events) == 0 {
			continue
		}
		last := state.Events[len(state.Events)-1]
		if last.Type == "Template" && strings.HasPrefix(last.DisplayMessage, "Missing: ") && now.Sub(time.Unix(0, last.Time)) > stuckAfter {
			return last.DisplayMessage
		}
	}
	return ""
}
