package reconcile

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// Status tells how the named apps of the space run; no names = all of the
// project, or of the space if the options name no project.
func (r *Reconciler) Status(ctx context.Context, names []string) ([]AppStatus, error) {
	jobs, err := r.selectJobs(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []AppStatus
	for _, job := range jobs {
		s, err := r.appStatus(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, *s)
	}
	return out, nil
}

func (r *Reconciler) appStatus(ctx context.Context, id string) (*AppStatus, error) {
	job, err := r.jobOrStopped(ctx, id)
	if err != nil {
		return nil, err
	}
	if job == nil {
		return nil, &UnknownAppError{App: id, Space: r.Nomad.Space}
	}
	rec, err := r.record(ctx, id)
	if err != nil {
		return nil, err
	}
	allocs, err := r.Nomad.Allocations(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &AppStatus{App: job.Meta[nomad.MetaApp], Job: id, Project: job.Meta[nomad.MetaProject], Space: r.Nomad.Space,
		State: "started", Routes: append([]string{}, liveRoutes(job)...), URLs: []string{}}
	if isStopped(job) {
		s.State = "stopped"
	}
	for _, route := range s.Routes {
		s.URLs = append(s.URLs, routeURL(r.Platform.RouterURL, route))
	}
	if runs, ok := rec.byKey(nomad.RevisionKey(job)); ok {
		s.Revision, s.Droplet, s.Buildpack = runs.Number, runs.Droplet, runs.Buildpack
		if runs.ImageMetadata != nil {
			s.ImageName = runs.Facts[imageFact]
			s.Image, s.Ports = runs.ImageMetadata.Image, runs.ImageMetadata.TCPPorts()
		}
	}
	for _, g := range job.TaskGroups {
		s.Processes = append(s.Processes, r.processStatus(ctx, job, g, allocs))
	}
	return s, nil
}

func (r *Reconciler) processStatus(ctx context.Context, job *api.Job, g *api.TaskGroup, allocs []*api.AllocationListStub) ProcessStatus {
	p := ProcessStatus{Type: *g.Name, Wanted: *g.Count, MemoryMB: *g.Tasks[0].Resources.MemoryMB, Instances: []InstanceStatus{}}
	for _, a := range shownInstances(*g.Name, allocs) {
		in := instanceStatus(a)
		if in.State == StateRunning {
			if healthy, why := r.Nomad.Healthy(ctx, a.ID); !healthy {
				in.State, in.Details = StateStarting, strings.Trim(in.Details+", "+why, ", ")
			}
		}
		switch in.State {
		case StateRunning:
			p.Running++
			in.CPU, in.MemoryB = r.Nomad.Usage(ctx, a.ID)
			in.DiskB = r.diskUsage(ctx, a.ID)
		case StateCrashed:
			in.NextStart = r.Nomad.NextStart(ctx, a)
		}
		p.Instances = append(p.Instances, in)
	}
	if missing := missingInstances(p); len(missing) > 0 && !isStopped(job) {
		why, err := r.Nomad.WhyNotPlaced(ctx, *job.ID, *g.Name)
		if err != nil {
			why = err.Error()
		}
		for i := range missing {
			missing[i].Details = why
		}
		p.Instances = append(p.Instances, missing...)
	}
	for i := range p.Instances {
		p.Instances[i].MemoryMB = p.MemoryMB
		if !nomad.OwnsImage(g) { // what a container writes, nobody limits or measures
			p.Instances[i].DiskMB = nomad.DiskMB(g)
		}
	}
	return p
}

// diskUsage is what the supervisor of an instance measured, 0 where it has not
// or where the token may not read it.
func (r *Reconciler) diskUsage(ctx context.Context, alloc string) int64 {
	var usage lifecycle.Usage
	text, err := r.Nomad.TaskFile(ctx, alloc, nomad.TaskName, lifecycle.UsageFile)
	if err != nil || json.Unmarshal(text, &usage) != nil {
		return 0
	}
	return usage.DiskBytes
}

// routeURL is where a route is answered, through the router at base.
func routeURL(base, route string) string {
	u, err := url.Parse(base)
	if base == "" || err != nil {
		return "http://" + route
	}
	host, path, _ := strings.Cut(route, "/")
	if port := u.Port(); port != "" && port != "80" {
		host = net.JoinHostPort(host, port)
	}
	out := u.Scheme + "://" + host
	if path != "" {
		out += "/" + path
	}
	return out
}
