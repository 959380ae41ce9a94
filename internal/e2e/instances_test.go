package e2e

import (
	"fmt"
	"strconv"

	"github.com/hashicorp/nomad/api"
	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/testwait"
)

// cmdMade: made JOB N
// waits until nothing is deployed any more and checks how many instances the
// job's version has ever had.
func cmdMade(ts *testscript.TestScript, neg bool, args []string) {
	jobs := client(ts).Jobs()
	var last string
	quiet := testwait.For(func() bool {
		d, _, err := jobs.LatestDeployment(args[0], nil)
		ts.Check(err)
		if d == nil || d.Status != api.DeploymentStatusRunning {
			return true
		}
		last = fmt.Sprintf("deployment %s: %s", d.ID, d.StatusDescription)
		return false
	})
	if !quiet {
		ts.Fatalf("%s is still deployed: %s", args[0], last)
	}
	job, _, err := jobs.Info(args[0], nil)
	ts.Check(err)
	allocs, _, err := jobs.Allocations(args[0], true, nil)
	ts.Check(err)
	made := 0
	for _, a := range allocs {
		ts.Logf("%s", described(a))
		if a.JobVersion == *job.Version {
			made++
		}
	}
	if strconv.Itoa(made) != args[1] {
		ts.Fatalf("version %d of %s had %d instances, want %s", *job.Version, args[0], made, args[1])
	}
}

// cmdFails: fails JOB N
// waits until N instances of the job have failed and wait for their next try,
// all at once: should one have its next try before another fails, it fails
// again, and waits for twice as long.
func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	var last []*api.AllocationListStub
	failed := 0
	all := testwait.For(func() bool {
		var err error
		last, _, err = client(ts).Jobs().Allocations(args[0], true, nil)
		ts.Check(err)
		failed = 0
		for _, a := range last {
			if a.DesiredStatus == api.AllocDesiredStatusRun && a.ClientStatus == api.AllocClientStatusFailed && a.NextAllocation == "" {
				failed++
			}
		}
		return strconv.Itoa(failed) == args[1]
	})
	if all {
		return
	}
	for _, a := range last {
		ts.Logf("%s", described(a))
	}
	ts.Fatalf("%d instances of %s have failed, want %s", failed, args[0], args[1])
}

func described(a *api.AllocationListStub) string {
	return fmt.Sprintf("%s %s: version %d, %s, %s, %s", a.ID, a.Name, a.JobVersion, a.DesiredStatus, a.ClientStatus, a.DesiredDescription)
}
