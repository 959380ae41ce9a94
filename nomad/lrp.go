package nomad

import (
	"time"

	"github.com/hashicorp/nomad/api"
)

// Owner is the value of the meta key "owner" of every job that belongs to an
// app; PlatformOwner that of the platform's own jobs.
const (
	Owner         = "wadi"
	PlatformOwner = "wadi-platform"
)

// Meta keys of a job of ours. There are no others: any change of meta
// replaces every instance.
const (
	MetaOwner   = "owner"
	MetaProject = "project"
	MetaApp     = "app"
	MetaSpace   = "space"
)

// Labels of the ports and of the one task in a group.
const (
	PortHTTP   = "http"   // the app
	PortHealth = "health" // the supervisor's verdict on it
	TaskName   = "app"
)

// UnknownRevision stands in a job for the revision key that only staging
// will tell. A job with it can be planned, never registered.
const UnknownRevision = "after-staging"

// LRP is what the service job of one app is made of. None of it depends on
// what staging finds out, but for RevisionKey.
type LRP struct {
	ID, App, Project, Space string

	Placement      Placement
	Lifecycle      Lifecycle
	RevisionKey    string // what all processes share
	EnvironmentKey string // the app's env and bindings
	Credentials    []Credentials
	Processes      []LRPProcess // web first
	Routes         []string     // "host[/path]", of group web
	Restart        string       // when a restart was asked for last; "" = never
}

// Placement says where tasks run and on what.
type Placement struct {
	Driver      string // DriverRawExec, DriverDocker
	Container   Container
	NodePool    string // "" = Nomad's default
	Datacenters []string
	Constraints []Constraint
	Priority    int    // 0 = Nomad's default
	Arch        string // GOARCH
	// MinHealthy is how long an instance must be healthy before the next
	// one is replaced.
	MinHealthy time.Duration
}

// Lifecycle is where Nomad fetches the lifecycle binary.
type Lifecycle struct {
	URL    string // of the one-file tgz; says archive=tgz
	SHA256 string // hex, of the tgz
}

// Credentials are the items of a Nomad Variable as a file of the secrets
// folder: a JSON object that only the task reads. The task's identity must be
// allowed to.
type Credentials struct {
	Path string // of the Variable
	File string // name below secrets/
}

// LRPProcess is one group of the job.
type LRPProcess struct {
	Group        string // slug of the type
	Key          string // of what is this process's alone, in the app's Variable
	Count        int
	MemoryMB     int
	DiskMB       int
	CPU          int   // MHz, 0 = from memory
	Web          bool  // gets the app's routes
	Ports        []int // of an app of an image, inside its container; the first is PortHTTP
	MaxInFlight  int
	StartTimeout time.Duration
	Nodes        Nodes
}

// logsMB is what Nomad keeps of an instance's log, on top of its disk quota.
// The droplet is unpacked while it is downloaded and counts in the quota.
const logsMB = 256

// DiskMB is the disk quota of a group that LRPJob made.
func DiskMB(g *api.TaskGroup) int { return *g.EphemeralDisk.SizeMB - logsMB }

// setupAllowance is what fetching and unpacking a droplet may take on top of
// the start timeout before Nomad calls an instance unhealthy.
const setupAllowance = 5 * time.Minute

// LRPJob is the service job of an app. It holds no text of the user but
// names and routes: Nomad would interpolate `${…}` in it.
func LRPJob(in LRP) *api.Job {
	place := in.Placement
	place.NodePool, _ = jobPool(in)
	job := newJob(in.ID, in.App, api.JobTypeService, place)
	job.Meta = map[string]string{MetaOwner: Owner, MetaProject: in.Project, MetaApp: in.App, MetaSpace: in.Space}
	for _, p := range in.Processes {
		job.TaskGroups = append(job.TaskGroups, lrpGroup(in, p))
	}
	return job
}

func lrpGroup(in LRP, p LRPProcess) *api.TaskGroup {
	return &api.TaskGroup{
		Name:          new(p.Group),
		Count:         new(p.Count),
		Constraints:   groupConstraints(in, p),
		ShutdownDelay: new(2 * time.Second),
		Networks:      []*api.NetworkResource{{DynamicPorts: in.Placement.ports(p)}},
		EphemeralDisk: &api.EphemeralDisk{SizeMB: new(p.DiskMB + logsMB)},
		Services:      []*api.Service{lrpService(in, p)},
		Update:        updateStrategy(in.Placement, p),
		// Two free restarts, then 30 s doubling up to 16 minutes.
		RestartPolicy: &api.RestartPolicy{Attempts: new(2), Interval: new(5 * time.Minute), Delay: new(time.Duration(0)), Mode: new("fail")},
		ReschedulePolicy: &api.ReschedulePolicy{
			Delay: new(30 * time.Second), DelayFunction: new("exponential"), MaxDelay: new(16 * time.Minute),
			Unlimited: new(true), Attempts: new(0), Interval: new(time.Duration(0)),
		},
		Tasks: []*api.Task{lrpTask(in, p)},
	}
}

func updateStrategy(place Placement, p LRPProcess) *api.UpdateStrategy {
	inFlight := max(p.MaxInFlight, 1)
	return &api.UpdateStrategy{
		MaxParallel:      new(inFlight),
		Canary:           new(wantedCanaries(inFlight, p.Count)),
		AutoPromote:      new(true),
		AutoRevert:       new(true),
		HealthCheck:      new("checks"),
		MinHealthyTime:   new(place.MinHealthy),
		HealthyDeadline:  new(p.StartTimeout + setupAllowance),
		ProgressDeadline: new(time.Duration(0)), // the first unhealthy instance fails the deployment
		Stagger:          new(30 * time.Second),
	}
}

func lrpService(in LRP, p LRPProcess) *api.Service {
	service := &api.Service{
		Tags:      RouteTags("", nil),
		Name:      serviceName(in.ID, p.Group),
		Provider:  "nomad",
		PortLabel: PortHealth,
		Checks: []api.ServiceCheck{{
			Name: "healthy", Type: "http", PortLabel: PortHealth, Path: "/healthy",
			Interval: time.Second, Timeout: time.Second,
		}},
	}
	if p.Web {
		service.PortLabel = PortHTTP
		service.Tags = RouteTags(service.Name, in.Routes)
	}
	return service
}

func lrpTask(in LRP, p LRPProcess) *api.Task {
	task := newTask(TaskName, "run", in.Lifecycle)
	in.Placement.place(task, in.Placement.ports(p)...)
	logIn(task, LoginPath(in.ID, p.Group), in.Placement.Container)
	task.KillTimeout = new(15 * time.Second)
	task.Templates = []*api.Template{
		secretTemplate(VariablePath(in.ID), in.RevisionKey, "secrets/revision.json"),
		secretTemplate(VariablePath(in.ID), in.EnvironmentKey, "secrets/environment.json"),
		secretTemplate(VariablePath(in.ID), p.Key, "secrets/process.json"),
		secretTemplate(VariablePath(in.ID), RoutesKey, "secrets/routes.json"),
	}
	task.Templates = append(task.Templates, credentialTemplates(in.Credentials)...)
	cpu := p.CPU
	if cpu == 0 {
		cpu = cpuShare(p.MemoryMB)
	}
	task.Resources = &api.Resources{CPU: new(cpu), MemoryMB: new(max(p.MemoryMB, 10))}
	if in.Restart != "" {
		setRestart(task, in.Restart)
	}
	return task
}

// cpuShare is Cloud Foundry's cpu weight, 100·clamp(mem,128,8192)/8192, in
// MHz of a core of 1,000 MHz.
func cpuShare(memoryMB int) int {
	return 1000 * min(max(memoryMB, 128), 8192) / 8192
}

const archAttribute = "${attr.cpu.arch}"

// ownConstraints are what the first constraints of every job of ours are about.
var ownConstraints = []string{"${attr.kernel.name}", archAttribute}

func newJob(id, name, kind string, place Placement) *api.Job {
	job := &api.Job{
		ID: new(id), Name: new(name), Type: new(kind),
		Constraints: []*api.Constraint{
			{LTarget: ownConstraints[0], RTarget: "linux", Operand: "="},
			{LTarget: ownConstraints[1], RTarget: place.Arch, Operand: "="},
		},
	}
	job.Constraints = append(job.Constraints, constraintsOf(place.Constraints)...)
	if place.Priority != 0 {
		job.Priority = new(place.Priority)
	}
	if place.NodePool != "" {
		job.NodePool = new(place.NodePool)
	}
	job.Datacenters = place.Datacenters
	if len(job.Datacenters) == 0 {
		job.Datacenters = []string{"*"}
	}
	return job
}

// newTask is a task that runs one command of the lifecycle, with an identity
// that the blob store accepts.
func newTask(name, command string, l Lifecycle) *api.Task {
	return &api.Task{
		Name:       name,
		KillSignal: "SIGTERM",
		Config:     map[string]any{"command": "local/lifecycle", "args": []string{command}},
		Artifacts: []*api.TaskArtifact{{
			GetterSource:  new(l.URL),
			GetterOptions: map[string]string{"checksum": "sha256:" + l.SHA256},
			RelativeDest:  new("local/"),
		}},
		Identities: []*api.WorkloadIdentity{{
			Name: "wadi", Audience: []string{"wadi"}, File: true, TTL: time.Hour, ChangeMode: "noop",
		}},
		LogConfig: &api.LogConfig{MaxFiles: new(10), MaxFileSizeMB: new(10)},
	}
}
