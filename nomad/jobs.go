package nomad

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
)

// OwnedJobs lists the jobs of ours in the space, service and batch, stopped
// ones too. Children of parameterized jobs inherit meta: they are left out.
func (c *Client) OwnedJobs(ctx context.Context) ([]*api.JobListStub, error) {
	q := c.query(ctx)
	q.Filter = fmt.Sprintf(`Meta[%q] == %q`, MetaOwner, Owner)
	stubs, _, err := c.API.Jobs().ListOptions(&api.JobListOptions{Fields: &api.JobListFields{Meta: true}}, q)
	if err != nil {
		return nil, c.wrap("list the jobs in space "+c.Space, err)
	}
	var ours []*api.JobListStub
	for _, s := range stubs {
		if s.ParentID == "" {
			ours = append(ours, s)
		}
	}
	return ours, nil
}

// Job reads a job; nil if there is none.
func (c *Client) Job(ctx context.Context, id string) (*api.Job, error) {
	job, _, err := c.API.Jobs().Info(id, c.query(ctx))
	if StatusOf(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, c.wrap("read job "+id+" in space "+c.Space, err)
	}
	return job, nil
}

// PlanJob asks the scheduler what registering the job would do. It writes
// nothing.
func (c *Client) PlanJob(ctx context.Context, job *api.Job) (*api.JobPlanResponse, error) {
	job.Namespace = new(c.Space)
	resp, _, err := c.API.Jobs().PlanOpts(job, &api.PlanOptions{Diff: true}, c.write(ctx))
	if err != nil {
		return nil, c.wrap("plan job "+*job.ID+" in space "+c.Space, err)
	}
	return resp, nil
}

// Registration is a job as it stands after a register, and the evaluation
// that the scheduler makes of it.
type Registration struct {
	Job    *api.Job
	EvalID string
}

// Register registers the job if its JobModifyIndex is still index (0 = it
// must not exist) and reads it again. Nomad before 2.0.1 can let two writers
// through; both that and a changed index are ErrConflict.
func (c *Client) Register(ctx context.Context, job *api.Job, index uint64) (Registration, error) {
	job.Namespace = new(c.Space)
	op := "register job " + *job.ID + " in space " + c.Space
	conflict := c.conflict(op)
	resp, _, err := c.API.Jobs().RegisterOpts(job, &api.RegisterOptions{EnforceIndex: true, ModifyIndex: index}, c.write(ctx))
	if err != nil {
		if strings.Contains(err.Error(), api.RegisterEnforceIndexErrPrefix) {
			return Registration{}, conflict
		}
		return Registration{}, c.wrap(op, err)
	}
	now, err := c.Job(ctx, *job.ID)
	if err != nil {
		return Registration{}, err
	}
	if now != nil && *now.JobModifyIndex != resp.JobModifyIndex {
		h, err := c.History(ctx, *job.ID)
		if err != nil {
			return Registration{}, err
		}
		if failed := h.failed(resp.JobModifyIndex); failed != nil { // Nomad has gone back already
			now = failed
		}
	}
	if now == nil || fingerprint(now) != fingerprint(job) {
		return Registration{}, conflict
	}
	return Registration{Job: now, EvalID: resp.EvalID}, nil
}

func (c *Client) conflict(op string) *Error {
	return &Error{Op: op, Addr: c.addr, Status: http.StatusConflict, Err: ErrConflict, hint: "plan again to see what changed"}
}

// CheckIndex is ErrConflict unless the job's JobModifyIndex is still index
// (0 = it does not exist).
func (c *Client) CheckIndex(ctx context.Context, id string, index uint64) error {
	job, err := c.Job(ctx, id)
	if err != nil {
		return err
	}
	now := uint64(0)
	if job != nil {
		now = *job.JobModifyIndex
	}
	if now != index {
		return c.conflict("change job " + id + " in space " + c.Space)
	}
	return nil
}

// fingerprint tells two registrations of ours apart: by what we never leave
// to Nomad's defaults.
func fingerprint(job *api.Job) string {
	var b strings.Builder
	for _, g := range job.TaskGroups {
		fmt.Fprintf(&b, "%s %d", *g.Name, *g.Count)
		for _, s := range g.Services {
			fmt.Fprintf(&b, " %q", s.Tags)
		}
		for _, t := range g.Tasks {
			fmt.Fprintf(&b, " %d %d", *t.Resources.CPU, *t.Resources.MemoryMB)
			for _, tmpl := range t.Templates {
				fmt.Fprintf(&b, " %s", *tmpl.EmbeddedTmpl)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// RunBatch registers a batch job that must not exist yet.
func (c *Client) RunBatch(ctx context.Context, job *api.Job) error {
	job.Namespace = new(c.Space)
	_, _, err := c.API.Jobs().RegisterOpts(job, &api.RegisterOptions{EnforceIndex: true}, c.write(ctx))
	return c.wrap("register job "+*job.ID+" in space "+c.Space, err)
}

// StopJob stops the job, and Nomad remembers it for a while. That it does not
// exist is no error.
func (c *Client) StopJob(ctx context.Context, id string) error {
	return c.deregister(ctx, id, false)
}

// PurgeJob is StopJob for a job that Nomad is to forget at once. Of its
// instances nobody can tell any more when they have ended.
func (c *Client) PurgeJob(ctx context.Context, id string) error {
	return c.deregister(ctx, id, true)
}

// RemoveJob stops the job, waits until nothing of it runs, and purges it.
func (c *Client) RemoveJob(ctx context.Context, id string) error {
	if err := c.StopJob(ctx, id); err != nil {
		return err
	}
	if err := c.WaitStopped(ctx, id); err != nil {
		return err
	}
	return c.PurgeJob(ctx, id)
}

func (c *Client) deregister(ctx context.Context, id string, purge bool) error {
	_, _, err := c.API.Jobs().Deregister(id, purge, c.write(ctx))
	if StatusOf(err) == http.StatusNotFound {
		return nil
	}
	return c.wrap("stop job "+id+" in space "+c.Space, err)
}

// Allocations lists the instances of a job, dead ones too.
func (c *Client) Allocations(ctx context.Context, id string) ([]*api.AllocationListStub, error) {
	q := c.query(ctx)
	q.Params = map[string]string{"resources": "true"}
	stubs, _, err := c.API.Jobs().Allocations(id, true, q)
	if err != nil {
		return nil, c.wrap("list the instances of job "+id, err)
	}
	return stubs, nil
}

// WaitStopped waits until no instance of the job runs any more.
func (c *Client) WaitStopped(ctx context.Context, id string) error {
	for {
		allocs, err := c.Allocations(ctx, id)
		if err != nil {
			return err
		}
		live := 0
		for _, a := range allocs {
			if !terminal(a.ClientStatus) {
				live++
			}
		}
		if live == 0 {
			return nil
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("%d instances of job %s still run: %w", live, id, err)
		}
	}
}

// Services lists what is registered in every space that the token may see:
// the holders of routes.
func (c *Client) Services(ctx context.Context) ([]*api.ServiceRegistrationListStub, error) {
	q := c.query(ctx)
	q.Namespace = "*"
	list, _, err := c.API.Services().List(q)
	if err != nil {
		return nil, c.wrap("list the services", err)
	}
	return list, nil
}

// ServiceJobs are the jobs behind a service of the given space.
func (c *Client) ServiceJobs(ctx context.Context, space, service string) ([]string, error) {
	q := c.query(ctx)
	q.Namespace = space
	regs, _, err := c.API.Services().Get(service, q)
	if err != nil {
		return nil, c.wrap("read service "+service, err)
	}
	var jobs []string
	for _, r := range regs {
		jobs = append(jobs, r.JobID)
	}
	return jobs, nil
}

// Ended says whether nothing of an instance runs any more.
func Ended(a *api.AllocationListStub) bool { return terminal(a.ClientStatus) }

func terminal(clientStatus string) bool {
	switch clientStatus {
	case api.AllocClientStatusComplete, api.AllocClientStatusFailed, api.AllocClientStatusLost:
		return true
	}
	return false
}
