package nomad

import (
	"time"

	"github.com/hashicorp/nomad/api"
)

// StagingKeyItem is the key of a staging job's Variable.
const StagingKeyItem = "staging"

// StagingTask is the name of the task in a staging job.
const StagingTask = "stage"

// Staging is what a staging job is made of. ID is unique: a batch job that
// is registered again unchanged does not run.
type Staging struct {
	ID, App, Project, Space string

	Placement   Placement
	Lifecycle   Lifecycle
	Credentials []Credentials
	MemoryMB    int
	DiskMB      int
}

// StagingJob is the batch job that makes one droplet. It is tried once: a
// failing buildpack fails again.
func StagingJob(in Staging) *api.Job {
	job := newJob(in.ID, "staging of "+in.App, api.JobTypeBatch, in.Placement)
	job.Meta = map[string]string{MetaOwner: Owner, MetaProject: in.Project, MetaApp: in.App, MetaSpace: in.Space}
	task := newTask(StagingTask, "stage", in.Lifecycle)
	in.Placement.place(task)
	task.KillTimeout = new(10 * time.Second)
	task.Templates = []*api.Template{secretTemplate(VariablePath(in.ID), StagingKeyItem, "secrets/staging.json")}
	task.Templates = append(task.Templates, credentialTemplates(in.Credentials)...)
	task.Resources = &api.Resources{CPU: new(500), MemoryMB: new(in.MemoryMB)}
	job.TaskGroups = []*api.TaskGroup{{
		Name:             new("stage"),
		Count:            new(1),
		EphemeralDisk:    &api.EphemeralDisk{SizeMB: new(in.DiskMB)},
		RestartPolicy:    &api.RestartPolicy{Attempts: new(0), Mode: new("fail")},
		ReschedulePolicy: &api.ReschedulePolicy{Attempts: new(0), Unlimited: new(false)},
		Tasks:            []*api.Task{task},
	}}
	return job
}
