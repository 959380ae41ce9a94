package nomad

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Ids of the platform's jobs.
const (
	BlobStoreJobID = "wadi-blobstore"
	RouterJobID    = "wadi-router"
)

// StoreVariablePath is where the blob store's credentials for S3 are: a path
// that its task may read, and nobody who deploys apps needs to.
const StoreVariablePath = "nomad/jobs/" + BlobStoreJobID + "/platform"

// StoreCredentialsFile is what they are in the task's secrets folder.
const StoreCredentialsFile = "s3-credentials"

// Platform is what the platform's jobs keep in Nomad Variables for those who
// use them; who may read those is Nomad's ACL to say.
type Platform struct {
	BlobURL   string
	BlobToken string // people's token
	RouterURL string // "" = there is no router
}

// NoPlatformError says that no platform was ever applied in the space.
type NoPlatformError struct{ Space string }

func (e *NoPlatformError) Error() string {
	return fmt.Sprintf("there is no platform (blob store and router) in space %s of this Nomad", e.Space)
}

// Hint says what to do next.
func (e *NoPlatformError) Hint() string { return "run `wadi platform apply` first" }

// ReadPlatform reads where the platform is; c.Space is the platform's own
// space. It answers *NoPlatformError if there is none.
func (c *Client) ReadPlatform(ctx context.Context) (Platform, error) {
	v, err := c.ReadVariable(ctx, VariablePath(BlobStoreJobID))
	if err != nil {
		return Platform{}, err
	}
	if v.Items["url"] == "" {
		return Platform{}, &NoPlatformError{Space: c.Space}
	}
	p := Platform{BlobURL: v.Items["url"], BlobToken: v.Items["token"]}
	router, err := c.ReadVariable(ctx, VariablePath(RouterJobID))
	if err != nil {
		return Platform{}, err
	}
	p.RouterURL = router.Items["url"]
	return p, nil
}

// WritePlatform stores where the platform is.
func (c *Client) WritePlatform(ctx context.Context, p Platform) error {
	for path, items := range map[string]map[string]string{
		VariablePath(BlobStoreJobID): {"url": p.BlobURL, "token": p.BlobToken},
		VariablePath(RouterJobID):    {"url": p.RouterURL},
	} {
		v, err := c.ReadVariable(ctx, path)
		if err != nil {
			return err
		}
		v.Items = items
		if _, err := c.WriteVariable(ctx, path, v); err != nil {
			return err
		}
	}
	return nil
}

// PlatformJob is how one platform job runs.
type PlatformJob struct {
	ID        string
	Arch      string
	Binary    string   // absolute path of our own program on the agent's machine
	Args      []string // without the program
	Port      int      // on 127.0.0.1
	CheckPath string
	MemoryMB  int
	Env       map[string]string
	// TokenKey is the key of the job's Variable that becomes secrets/token;
	// "" = none.
	TokenKey string
	// StoreKey is the key of StoreVariablePath that becomes
	// secrets/s3-credentials; "" = none.
	StoreKey string
	// NomadToken gives the task its own workload identity as NOMAD_TOKEN.
	NomadToken bool
}

// NewPlatformJob is the Nomad job of a part of the platform. The port is
// fixed, so there is no canary.
func NewPlatformJob(in PlatformJob) *api.Job {
	job := newJob(in.ID, in.ID, api.JobTypeService, Placement{Arch: in.Arch})
	job.Meta = map[string]string{MetaOwner: PlatformOwner}
	task := &api.Task{
		Name: "platform", Driver: DriverRawExec, KillSignal: "SIGTERM", KillTimeout: new(15 * time.Second),
		Config:    map[string]any{"command": in.Binary, "args": in.Args},
		Env:       in.Env,
		Resources: &api.Resources{CPU: new(100), MemoryMB: new(in.MemoryMB)},
		LogConfig: &api.LogConfig{MaxFiles: new(10), MaxFileSizeMB: new(10)},
	}
	if in.TokenKey != "" {
		task.Templates = []*api.Template{secretTemplate(VariablePath(in.ID), in.TokenKey, "secrets/token")}
	}
	if in.StoreKey != "" {
		task.Templates = append(task.Templates, secretTemplate(StoreVariablePath, in.StoreKey, "secrets/"+StoreCredentialsFile))
	}
	if in.NomadToken {
		task.Identities = []*api.WorkloadIdentity{{Name: "default", Audience: []string{"nomadproject.io"}, Env: true, File: true, ChangeMode: "noop"}}
	}
	job.TaskGroups = []*api.TaskGroup{{
		Name: new("platform"), Count: new(1),
		Networks: []*api.NetworkResource{{ReservedPorts: []api.Port{{Label: "http", Value: in.Port}}}},
		Services: []*api.Service{{
			// whatever address the node has: Nomad's check asks this one
			Name: in.ID, Provider: "nomad", PortLabel: "http", Address: "127.0.0.1",
			Checks: []api.ServiceCheck{{Name: "healthy", Type: "http", Path: in.CheckPath, Interval: time.Second, Timeout: 2 * time.Second}},
		}},
		Update: &api.UpdateStrategy{
			MaxParallel: new(1), Canary: new(0), AutoPromote: new(false), AutoRevert: new(true), HealthCheck: new("checks"),
			MinHealthyTime: new(time.Second), HealthyDeadline: new(time.Minute), ProgressDeadline: new(time.Duration(0)), Stagger: new(30 * time.Second),
		},
		RestartPolicy: &api.RestartPolicy{Attempts: new(10), Interval: new(time.Minute), Delay: new(time.Second), Mode: new("delay")},
		ReschedulePolicy: &api.ReschedulePolicy{
			Delay: new(5 * time.Second), DelayFunction: new("exponential"), MaxDelay: new(time.Minute),
			Unlimited: new(true), Attempts: new(0), Interval: new(time.Duration(0)),
		},
		Tasks: []*api.Task{task},
	}}
	return job
}

// JWKSURL is where this Nomad publishes the keys of its identities.
func (c *Client) JWKSURL() string {
	u, err := url.JoinPath(c.addr, ".well-known", "jwks.json")
	if err != nil {
		return c.addr + "/.well-known/jwks.json"
	}
	return u
}
