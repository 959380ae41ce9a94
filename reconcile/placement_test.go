package reconcile

import (
	"slices"
	"testing"

	"github.com/hashicorp/nomad/api"
)

// What every job says of its nodes is not told, what a process says always is.
func TestChangedPlacement(t *testing.T) {
	t.Parallel()
	about := func(attribute, value string) *api.Constraint {
		return &api.Constraint{LTarget: "${" + attribute + "}", Operand: "=", RTarget: value}
	}
	job := func(ofJob, ofWeb []*api.Constraint) *api.Job {
		return &api.Job{Datacenters: []string{"*"}, Constraints: append([]*api.Constraint{about("attr.kernel.name", "linux"), about("attr.cpu.arch", "amd64")}, ofJob...),
			TaskGroups: []*api.TaskGroup{{Name: new("web"), Constraints: ofWeb}}}
	}
	is := job(nil, []*api.Constraint{about("attr.kernel.name", "linux")})
	want := job([]*api.Constraint{about("attr.kernel.name", "plan9")}, []*api.Constraint{about("attr.kernel.name", "plan9"), about("attr.cpu.arch", "arm64")})
	got := changedPlacement(is, want)
	if wanted := []Change{{What: "constraint", To: "attr.kernel.name = plan9"}, {What: "web.constraint", From: "attr.kernel.name = linux"},
		{What: "web.constraint", To: "attr.cpu.arch = arm64"}, {What: "web.constraint", To: "attr.kernel.name = plan9"}}; !slices.Equal(got, wanted) {
		t.Errorf("got  %+v\nwant %+v", got, wanted)
	}
	if got := changedPlacement(want, want); got != nil {
		t.Errorf("nothing changed: %+v", got)
	}
}
