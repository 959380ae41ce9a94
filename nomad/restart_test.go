package nomad

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"
)

// TestRestart reaches every task, and is kept by who makes the job anew.
func TestRestart(t *testing.T) {
	t.Parallel()
	in := LRP{ID: "shop", App: "shop", RevisionKey: "r-1", Placement: Placement{Driver: "raw_exec", Arch: "amd64"},
		Processes: []LRPProcess{{Group: "web", Key: "p-1", MemoryMB: 64}, {Group: "worker", Key: "p-2", MemoryMB: 64}}}
	job := LRPJob(in)
	if got := RestartOf(job); got != "" {
		t.Errorf("of a new job: %q", got)
	}
	AskRestart(job, "first")
	AskRestart(job, "second")
	for _, g := range job.TaskGroups {
		if got := g.Tasks[0].Env[restartEnv]; got != "second" {
			t.Errorf("group %s: %q", *g.Name, got)
		}
	}
	in.Restart = RestartOf(job)
	if d := cmp.Diff(job, LRPJob(in)); d != "" {
		t.Errorf("made anew it differs:\n%s", d)
	}
	if got := RestartOf((*api.Job)(nil)); got != "" {
		t.Errorf("of no job: %q", got)
	}
}
