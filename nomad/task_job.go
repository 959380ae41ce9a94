package nomad

import (
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// OneOff is what the job of a one-off task is made of.
type OneOff struct {
	ID, Name, App, Project, Space string

	Placement   Placement
	Lifecycle   Lifecycle
	Credentials []Credentials
	// Files are the names below secrets/ of what the task is told; each is an
	// item of the job's Variable.
	Files    []string
	MemoryMB int
	DiskMB   int
}

// An app's job id has no underscore, so the job of a task can be no app's.
var taskJobID = regexp.MustCompile(`^wadi_task_([a-z0-9-]{1,50})_([a-z0-9]{1,32})$`)

// TaskJobID is the id of the job of a one-off task: of the app with job id
// appID ([a-z0-9-]{1,50}), made unique by the nonce ([a-z0-9]{1,32}).
func TaskJobID(appID, nonce string) string { return "wadi_task_" + appID + "_" + nonce }

// parseTaskJobID answers whose one-off task a job is; ok is false for every
// other job.
func parseTaskJobID(id string) (appID string, ok bool) {
	m := taskJobID.FindStringSubmatch(id)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// nodeIPVar tells the lifecycle where it runs: a task has no port, and Nomad
// tells the address with ports alone.
const nodeIPVar = "WADI_NODE_IP"

// TaskGroup is the one group of the job of a one-off task.
const TaskGroup = "task"

// TaskJob is the batch job of a one-off task. It is tried once: a command
// that failed may have done half of its work. It holds no text of the user
// but names; the command is in the job's Variable.
func TaskJob(in OneOff) *api.Job {
	job := newJob(in.ID, "task "+in.Name+" of "+in.App, api.JobTypeBatch, in.Placement)
	job.Meta = map[string]string{MetaOwner: Owner, MetaProject: in.Project, MetaApp: in.App, MetaSpace: in.Space}
	task := newTask(TaskName, "task", in.Lifecycle)
	task.KillTimeout = new(15 * time.Second)
	task.Env = map[string]string{nodeIPVar: "${attr.unique.network.ip-address}"}
	in.Placement.place(task)
	logIn(task, LoginPath(in.ID, TaskGroup), in.Placement.Container)
	for _, file := range in.Files {
		task.Templates = append(task.Templates, secretTemplate(VariablePath(in.ID), file, "secrets/"+file))
	}
	task.Templates = append(task.Templates, credentialTemplates(in.Credentials)...)
	task.Resources = &api.Resources{CPU: new(cpuShare(in.MemoryMB)), MemoryMB: new(max(in.MemoryMB, 10))}
	job.TaskGroups = []*api.TaskGroup{{
		Name:             new(TaskGroup),
		Count:            new(1),
		EphemeralDisk:    &api.EphemeralDisk{SizeMB: new(in.DiskMB + logsMB)},
		RestartPolicy:    &api.RestartPolicy{Attempts: new(0), Mode: new("fail")},
		ReschedulePolicy: &api.ReschedulePolicy{Attempts: new(0), Unlimited: new(false)},
		Tasks:            []*api.Task{task},
	}}
	return job
}

// PlacementOf is where the tasks of a job that LRPJob made run.
func PlacementOf(job *api.Job) Placement {
	place := Placement{Datacenters: job.Datacenters}
	if job.NodePool != nil {
		place.NodePool = *job.NodePool
	}
	for i, c := range job.Constraints {
		switch {
		case i >= len(ownConstraints):
			place.Constraints = append(place.Constraints, Constraint{strings.TrimSuffix(strings.TrimPrefix(c.LTarget, "${"), "}"), c.Operand, c.RTarget})
		case c.LTarget == archAttribute:
			place.Arch = c.RTarget
		}
	}
	if priority := PriorityOf(job); priority != defaultPriority {
		place.Priority = priority
	}
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			place.Driver, place.Container = t.Driver, containerOf(t)
		}
	}
	return place
}
