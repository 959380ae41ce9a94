package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sync/errgroup"

	"wadi/nomad"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// observed is what there is of one app.
type observed struct {
	Job    *api.Job // nil = none
	Record record

	Result     *lifecycle.Result // of the staging key; nil = not known
	Generation int               // of Result, also if its droplet is gone
	Gone       bool              // the result is known, its droplet is not
	Damaged    []string          // why it is gone, if it was damaged: "chunk 3fb2…"
	ResultErr  error             // the blob store could not be asked
	Recorded   bool              // Result is the record's, without process types: the blob store could not be asked

	// Plan is Nomad's answer to the job that would be registered; nil where
	// there was nothing to ask.
	Plan *api.JobPlanResponse
	// Live counts the instances by group and how many are healthy.
	Live map[string]liveGroup
}

type liveGroup struct{ Wanted, Running int }

// world is what there is beside the apps themselves.
type world struct {
	Jobs   []*api.JobListStub // of ours, in this space; also stopped ones that Nomad has forgotten
	Routes []heldRoute
}

// heldRoute is a route that a running service has.
type heldRoute struct {
	Route, Space, Service string
	Job                   string // "" = the one behind Service
}

// ours says whether a job belongs to an app of wadi.
func ours(meta map[string]string) bool { return meta[nomad.MetaOwner] == nomad.Owner }

// projectOf is the project that a job of ours belongs to, "" for others.
func projectOf(meta map[string]string) string {
	if !ours(meta) {
		return ""
	}
	return meta[nomad.MetaProject]
}

// owns says whether a job belongs to an app of this project.
func (r *Reconciler) owns(meta map[string]string) bool {
	return ours(meta) && meta[nomad.MetaProject] == r.Options.Project
}

// spacePath is the Variable of a space's salt: the key of every digest that
// stands where plan and Nomad's users can read it.
const spacePath = "wadi/space"

// salt reads the space's salt. A space that has none gets one in memory; it
// is written by the first apply.
func (r *Reconciler) salt(ctx context.Context) (salt []byte, isNew bool, err error) {
	v, err := r.Nomad.ReadVariable(ctx, spacePath)
	if err != nil {
		return nil, false, err
	}
	if text := v.Items["salt"]; text != "" {
		return []byte(text), false, nil
	}
	return []byte(rand.Text() + rand.Text()), true, nil
}

// observeApp reads what there is of one app, but for its staging result.
func (r *Reconciler) observeApp(ctx context.Context, d desired) (observed, error) {
	var o observed
	var err error
	if o.Job, err = r.Nomad.Job(ctx, d.ID); err != nil {
		return o, err
	}
	v, err := r.Nomad.ReadVariable(ctx, nomad.RecordPath(d.ID))
	if err != nil {
		return o, err
	}
	if o.Record, err = parseRecord(v.Items); err != nil {
		return o, fmt.Errorf("app %q: %w", d.App.Name, err)
	}
	return o, nil
}

// runs is the recorded revision that the live job names; the zero one where
// that is not known.
func (o observed) runs() revisionRecord {
	if o.Job == nil {
		return revisionRecord{}
	}
	runs, _ := o.Record.byKey(nomad.RevisionKey(o.Job))
	return runs
}

// observeResult asks for the staging result of the key. Problems of the blob
// store are no error: the plan says that it could not ask.
func (r *Reconciler) observeResult(ctx context.Context, o *observed, key string) {
	o.ask(ctx, r, key)
	if runs := o.runs(); o.ResultErr != nil && runs.StagingKey == key {
		// what runs was staged from this: nothing to ask for a plan
		o.Result = &lifecycle.Result{Generation: runs.Generation, Droplet: runs.Droplet, StagedAt: runs.StagedAt}
		o.Generation, o.Recorded, o.ResultErr = runs.Generation, true, nil
	}
}

func (o *observed) ask(ctx context.Context, r *Reconciler, key string) {
	known, err := r.stagingResult(ctx, key)
	o.Result, o.Generation, o.Gone, o.Damaged, o.ResultErr = known.Result, known.Generation, known.Gone, known.Damaged, err
}

// staged is what the blob store knows of a staging.
type staged struct {
	Result     *lifecycle.Result // nil = none, or Gone
	Generation int               // also if it is gone
	Gone       bool              // there is a result, and its droplet is not there
	Damaged    []string          // why
}

// stagingResult asks the blob store for a known result, and whether its
// droplet is still there.
func (r *Reconciler) stagingResult(ctx context.Context, key string) (staged, error) {
	quick := *r.Blobs
	quick.Attempts = 2 // a plan does not wait for a blob store to come back
	body, err := quick.Result(ctx, r.Nomad.Space, key)
	if errors.Is(err, blob.ErrNotFound) {
		return staged{}, nil
	}
	if err != nil {
		return staged{}, err
	}
	var known lifecycle.Result
	if err := json.Unmarshal(body, &known); err != nil {
		return staged{}, fmt.Errorf("the staging result %s cannot be read: %w", shortDigest(key), err)
	}
	if known.Image != nil { // which has no droplet
		return staged{Result: &known, Generation: known.Generation}, nil
	}
	there, damaged, err := r.Blobs.Check(ctx, known.Droplet, false)
	out := staged{Generation: known.Generation, Gone: err == nil && !there, Damaged: damaged}
	if there {
		out.Result = &known
	}
	return out, err
}

// observeWorld lists our jobs and who holds which route.
func (r *Reconciler) observeWorld(ctx context.Context) (world, error) {
	var w world
	var err error
	if w.Jobs, err = r.Nomad.OwnedJobs(ctx); err != nil {
		return w, err
	}
	forgotten, err := r.forgottenJobs(ctx, w.Jobs)
	if err != nil {
		return w, err
	}
	w.Jobs = append(w.Jobs, forgotten...)
	if err := r.observeRoutes(ctx, &w); err != nil {
		return w, err
	}
	services, err := r.Nomad.Services(ctx)
	if err != nil {
		return w, err
	}
	for _, space := range services {
		for _, s := range space.Services {
			for _, route := range nomad.RoutesOf(s.Tags) {
				if space.Namespace != r.Nomad.Space || !w.holds(route) {
					w.Routes = append(w.Routes, heldRoute{Route: route, Space: space.Namespace, Service: s.ServiceName})
				}
			}
		}
	}
	return w, nil
}

func (w world) holds(route string) bool {
	return slices.ContainsFunc(w.Routes, func(h heldRoute) bool { return h.Route == route })
}

// observeRoutes reads the routes of our jobs in this space from their specs:
// services tell only of jobs that have a live instance.
func (r *Reconciler) observeRoutes(ctx context.Context, w *world) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.parallelism())
	for _, stub := range w.Jobs {
		if stub.Type != api.JobTypeService {
			continue
		}
		group.Go(func() error {
			job, err := r.jobOrStopped(ctx, stub.ID)
			if err != nil || job == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, route := range liveRoutes(job) {
				w.Routes = append(w.Routes, heldRoute{Route: route, Space: r.Nomad.Space, Job: stub.ID})
			}
			return nil
		})
	}
	return group.Wait()
}

// live counts the instances of a job's groups.
func (r *Reconciler) live(ctx context.Context, job *api.Job) (map[string]liveGroup, error) {
	groups := map[string]liveGroup{}
	if job.Stop != nil && *job.Stop {
		return groups, nil
	}
	allocs, err := r.Nomad.Allocations(ctx, *job.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range job.TaskGroups {
		l := liveGroup{Wanted: *g.Count}
		for _, a := range allocs {
			if a.TaskGroup != *g.Name || a.DesiredStatus != api.AllocDesiredStatusRun || a.ClientStatus != api.AllocClientStatusRunning {
				continue
			}
			if healthy, _ := r.Nomad.Healthy(ctx, a.ID); healthy {
				l.Running++
			}
		}
		groups[*g.Name] = l
	}
	return groups, nil
}

// liveRoutes are the routes that a job's services carry.
func liveRoutes(job *api.Job) []string {
	var routes []string
	for _, g := range job.TaskGroups {
		for _, s := range g.Services {
			routes = append(routes, nomad.RoutesOf(s.Tags)...)
		}
	}
	slices.Sort(routes)
	return routes
}

// survey observes what there is of an app, and pins what its files name.
func (r *Reconciler) survey(ctx context.Context, d desired, of planning, who identity) (is observed, p pinned, err error) {
	if err = r.observeVariables(ctx, d.App.Name, d.Bindings); err != nil {
		return is, p, err
	}
	if is, err = r.observeApp(ctx, d); err != nil {
		return is, p, err
	}
	if p, err = r.resolve(ctx, d, of, who, is.runs()); err != nil {
		return is, p, err
	}
	switch {
	case d.App.Docker != nil:
		r.observeImage(ctx, d, &p, &is)
	case !p.Open:
		r.observeResult(ctx, &is, p.StagingKey)
	}
	if is.Job == nil {
		return is, p, nil
	}
	if !r.owns(is.Job.Meta) && !r.Options.Adopt || *is.Job.Type != api.JobTypeService {
		return is, p, &ForeignJobError{App: d.App.Name, Job: d.ID, Space: r.Nomad.Space, Type: *is.Job.Type, Project: projectOf(is.Job.Meta)}
	}
	is.Live, err = r.live(ctx, is.Job)
	return is, p, err
}
