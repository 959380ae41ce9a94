package reconcile

import (
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

func TestHasEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states map[string]*api.TaskState
		want   bool
	}{
		"nothing known": {nil, false},
		"starts":        {map[string]*api.TaskState{nomad.TaskName: {Events: []*api.TaskEvent{{Type: api.TaskStarted}}}}, false},
		"runs again":    {map[string]*api.TaskState{nomad.TaskName: {Events: []*api.TaskEvent{{Type: api.TaskTerminated}, {Type: api.TaskStarted}}}}, true},
		"not started":   {map[string]*api.TaskState{nomad.TaskName: {Events: []*api.TaskEvent{{Type: api.TaskDriverFailure}}}}, false},
	} {
		if got := hasEnded(&api.Allocation{TaskStates: c.states}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSaysHowItEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log  []string
		want bool
	}{
		"nothing yet":   {nil, false},
		"not yet":       {[]string{"OUT about to die", "ERR Invoking start command."}, false},
		"an app's word": {[]string{"OUT Exit status 3"}, false},
		"all":           {[]string{"OUT about to die", "ERR Invoking start command.", "ERR Exit status 3"}, true},
		"memory":        {[]string{"ERR Exit status 137 (out of memory)"}, true},
	} {
		if got := saysHowItEnded(c.log); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
