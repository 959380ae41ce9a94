package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

func testJob() *api.Job {
	return nomad.LRPJob(nomad.LRP{ID: "shop", App: "shop", Project: "p", Space: "default", RevisionKey: "r-1",
		Placement: nomad.Placement{Driver: "raw_exec", Arch: "amd64"},
		Processes: []nomad.LRPProcess{{Group: "web", Key: "p-1", Count: 3, MemoryMB: 64, DiskMB: 64, Web: true, MaxInFlight: 2, StartTimeout: time.Minute}}})
}

// TestStoppedJobIsKept brings a stopped job back out of its record, without
// the indexes of a job that is gone, however full the record is.
func TestStoppedJobIsKept(t *testing.T) {
	t.Parallel()
	job := testJob()
	job.JobModifyIndex, job.Stop = new(uint64(7)), new(false)
	rec := record{Version: 1, App: "shop"}
	for range 60 {
		rec = rec.with(revisionRecord{Key: strings.Repeat("k", 40) + string(rune('a'+len(rec.Revisions))), Facts: map[string]string{"source": strings.Repeat("x", 1000)}})
	}
	items := rec.withStopped(job)
	if size := (nomad.Variable{Items: items}).Size(); size > nomad.MaxVariableBytes {
		t.Fatalf("%d bytes do not fit into a Variable", size)
	}
	kept, err := parseRecord(items)
	if err != nil || len(kept.Revisions) < 2 || kept.Revisions[len(kept.Revisions)-1].Number != 60 {
		t.Errorf("the record is %d revisions, %v", len(kept.Revisions), err)
	}
	back, err := parseStopped(items)
	if err != nil || back == nil {
		t.Fatal(back, err)
	}
	if !isStopped(back) || back.JobModifyIndex != nil || nomad.RevisionKey(back) != nomad.RevisionKey(job) || *back.TaskGroups[0].Count != 3 {
		t.Errorf("%+v", back)
	}
	if none, err := parseStopped(rec.items()); none != nil || err != nil {
		t.Errorf("without a stopped job: %v, %v", none, err)
	}
	if _, err := parseStopped(map[string]string{stoppedItem: "{"}); err == nil || !strings.Contains(err.Error(), "wadi apply") {
		t.Errorf("a damaged one: %v", err)
	}
}

func TestJobPatience(t *testing.T) {
	t.Parallel()
	job := testJob()
	each := *job.TaskGroups[0].Update.HealthyDeadline
	if got, want := jobPatience(job), deployPatience+2*each; got != want { // 3 instances, 2 at a time
		t.Errorf("%s, want %s", got, want)
	}
	job.TaskGroups[0].Update = nil
	if got := jobPatience(job); got != deployPatience {
		t.Errorf("without an update strategy: %s", got)
	}
}

func TestUnknownInstanceHint(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]string{0: "it has none; `wadi status shop` shows the processes", 1: "it has one: 0", 3: "they go from 0 to 2"} {
		if got := (&UnknownInstanceError{App: "shop", Process: "web", Index: 9, Count: count}).Hint(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is wrong with an instance names its app once.
func TestUnknownInstanceNamesAppOnce(t *testing.T) {
	t.Parallel()
	u := &run{plan: AppPlan{App: "shop"}}
	err := u.fail("start", &UnknownInstanceError{App: "shop", Process: "web", Index: 9, Count: 2})
	if got, want := err.Error(), `app "shop" has no instance 9 of process web`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
