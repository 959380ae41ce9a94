package reconcile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
)

func TestStagingSize(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ memory, disk, wantMemory, wantDisk int }{
		"a small app":      {64, 512, 1024, 4096},
		"as much":          {1024, 4096, 1024, 4096},
		"more memory":      {2048, 1024, 2048, 4096},
		"more disk":        {256, 8192, 1024, 8192},
		"more of all that": {4096, 10240, 4096, 10240},
	} {
		p := process{}
		p.Process = spec.Process{MemoryMB: &c.memory, DiskMB: &c.disk}
		if memory, disk := stagingSize(p); memory != c.wantMemory || disk != c.wantDisk {
			t.Errorf("%s: %d MB memory, %d MB disk, want %d, %d", name, memory, disk, c.wantMemory, c.wantDisk)
		}
	}
}

func TestStagingFailure(t *testing.T) {
	t.Parallel()
	ended := func(events ...*api.TaskEvent) *api.Allocation {
		return &api.Allocation{ClientStatus: api.AllocClientStatusFailed, ClientDescription: "Failed tasks",
			TaskStates: map[string]*api.TaskState{nomad.StagingTask: {State: "dead", Failed: true, Events: events}}}
	}
	for name, c := range map[string]struct {
		alloc       *api.Allocation
		words, hint string
	}{
		"nothing detects": {ended(terminated(lifecycle.ExitDetectFail, 0, "false")), "NoAppDetectedError", "name one with `buildpacks`"},
		"a buildpack":     {ended(terminated(lifecycle.ExitCompileFail, 0, "false")), "BuildpackCompileFailed", ""},
		"too long":        {ended(terminated(lifecycle.ExitStagingTimeout, 0, "false")), "StagingTimeExpired: Staging time expired: it took more than 20m0s", "--staging-timeout"},
		"another status":  {ended(terminated(1, 0, "false")), "exit status 1", ""},
		"no memory":       {ended(terminated(137, 9, "true")), "staging ran out of memory", "raise the app's `memory`: a staging has as much as the app, and at least 1024M"},
		"no artifact":     {ended(&api.TaskEvent{Type: api.TaskArtifactDownloadFailed, DisplayMessage: "no such host"}), "could not start: no such host", ""},
		"never a task":    {&api.Allocation{ClientDescription: "no client"}, "staging failed: no client", ""},
	} {
		err := stagingFailure(c.alloc, 20*time.Minute)
		if !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
		var failed *StagingError
		if c.hint != "" && (!errors.As(err, &failed) || !strings.Contains(failed.Hint(), c.hint)) {
			t.Errorf("%s: hint of %v, want %q", name, err, c.hint)
		}
	}
}
