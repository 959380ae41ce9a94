package e2e

import (
	"strconv"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdMade: made JOB N
// waits until nothing is deployed any more (90 s) and checks how many
// instances the job's version has ever had.
func cmdMade(ts *testscript.TestScript, neg bool, args []string) {
	jobs := client(ts).Jobs()
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		d, _, err := jobs.LatestDeployment(args[0], nil)
		ts.Check(err)
		if d == nil || d.Status != api.DeploymentStatusRunning {
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("deployment %s: %s", d.ID, d.StatusDescription)
		}
	}
	job, _, err := jobs.Info(args[0], nil)
	ts.Check(err)
	allocs, _, err := jobs.Allocations(args[0], true, nil)
	ts.Check(err)
	made := 0
	for _, a := range allocs {
		ts.Logf("%s %s: version %d, %s, %s, %s", a.ID, a.Name, a.JobVersion, a.DesiredStatus, a.ClientStatus, a.DesiredDescription)
		if a.JobVersion == *job.Version {
			made++
		}
	}
	if strconv.Itoa(made) != args[1] {
		ts.Fatalf("version %d of %s had %d instances, want %s", *job.Version, args[0], made, args[1])
	}
}

// cmdFails: fails JOB N
// waits until N instances of the job have failed and wait for their next try
// (90 s).
func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		allocs, _, err := client(ts).Jobs().Allocations(args[0], true, nil)
		ts.Check(err)
		failed := 0
		for _, a := range allocs {
			if a.DesiredStatus == api.AllocDesiredStatusRun && a.ClientStatus == api.AllocClientStatusFailed && a.NextAllocation == "" {
				failed++
			}
		}
		if strconv.Itoa(failed) == args[1] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%d instances of %s have failed, want %s", failed, args[0], args[1])
		}
	}
}
