package reconcile

import (
	"testing"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// A job tells the lifecycle which container it has in the lifecycle's words.
func TestContainerWords(t *testing.T) {
	t.Parallel()
	for want, container := range map[string]nomad.Container{
		"":                             {},
		lifecycle.ContainerHostNetwork: {Image: "x", Rootfs: true, HostNetwork: true},
		lifecycle.ContainerOwnNetwork:  {Image: "x", Rootfs: true},
	} {
		place := nomad.Placement{Driver: nomad.DriverDocker, Container: container}
		if want == "" {
			place.Driver = nomad.DriverRawExec
		}
		job := nomad.StagingJob(nomad.Staging{ID: "x", Placement: place})
		if got := job.TaskGroups[0].Tasks[0].Env[lifecycle.ContainerVar]; got != want {
			t.Errorf("%+v: %q, want %q", container, got, want)
		}
	}
}
