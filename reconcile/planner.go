package reconcile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// work is what carrying out an app's plan needs beside its words.
type work struct {
	want    desired
	pinned  pinned
	is      observed
	job     *api.Job // as it would be registered; its revision may be unknown
	facts   []fact
	envSums map[string]string
	who     identity
	of      planning
	// again asks for new instances although the spec may be the same: those
	// that failed lately would count as started.
	again      bool
	generation int  // of a staging that has to be done
	shares     bool // that staging is another app's
	// blind says that nobody could tell which results there are of the staging.
	blind bool
}

// planning is what the plans of all apps have in common.
type planning struct {
	doc        *spec.Document
	buildpacks *stage.Buildpacks
	registries *registries
	stagings   *shared[lifecycle.Result]
	uploads    *shared[blob.Blob]
	salt       []byte
	saltNew    bool
}

// sizes are the bytes of what the user put into the app's Variable, by name,
// and of the revisions before, which stay as long as Nomad may start them.
func (w *work) sizes() map[string]int {
	out := map[string]int{}
	for key, value := range w.want.App.Env {
		out["env."+key] = len(value)
	}
	for _, b := range w.want.Bindings {
		out["service."+b.Name] = len(mustJSON(b.Entry))
	}
	if w.want.Image != nil {
		out["the image's own configuration"] = len(mustJSON(w.want.Image))
	}
	return out
}

// Plan compares the document with what there is. It writes nothing. The
// error is spec.Diagnostics for what the files ask and nothing can serve.
func (r *Reconciler) Plan(ctx context.Context, doc *spec.Document) (*Plan, error) {
	region, err := r.Nomad.Region(ctx)
	if err != nil {
		return nil, err
	}
	wants, warnings, err := r.desire(doc, region)
	if err != nil {
		return nil, err
	}
	salt, saltNew, err := r.salt(ctx)
	if err != nil {
		return nil, err
	}
	w, err := r.observeWorld(ctx)
	if err != nil {
		return nil, err
	}
	var gone []AppPlan
	if !doc.Partial {
		gone = r.removals(wants, w)
	}
	if err := r.checkRoutes(ctx, wants, gone, w); err != nil {
		return nil, err
	}
	plan := &Plan{Project: r.Options.Project, Space: r.Nomad.Space, Address: r.Nomad.Address(), Warnings: warnings}
	of := planning{
		doc: doc, buildpacks: stage.NewBuildpacks(doc.Buildpacks, r.Options.CacheDir), registries: newRegistries(), salt: salt, saltNew: saltNew,
		stagings: &shared[lifecycle.Result]{what: "staging", same: "image"},
		uploads:  &shared[blob.Blob]{what: "upload", same: "files"},
	}
	apps, wrong := make([]AppPlan, len(wants)), make([]spec.Diagnostics, len(wants))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.parallelism())
	for i, d := range wants {
		group.Go(func() error {
			who := identity{Region: region, Space: r.Nomad.Space, App: d.App.Name}
			app, err := r.planApp(gctx, d, of, who)
			apps[i] = app
			if errors.As(err, &wrong[i]) {
				return nil // told together with what is wrong with the others
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if diags := slices.Concat(wrong...); len(diags) > 0 {
		return nil, diags
	}
	plan.Apps = append(apps, gone...)
	plan.order()
	plan.shareStagings()
	plan.summarize()
	return plan, nil
}

// PlanDestroy is the plan of nothing for this project. Every app of it is
// stopped; in a project that nobody named, which the files of many folders
// may share, only those of the document are (or all, with Prune).
func (r *Reconciler) PlanDestroy(ctx context.Context, doc *spec.Document) (*Plan, error) {
	w, err := r.observeWorld(ctx)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Project: r.Options.Project, Space: r.Nomad.Space, Address: r.Nomad.Address()}
	for _, app := range append(r.removals(nil, w), r.leftStagings(w)...) {
		whole := (r.Options.ProjectNamed || r.Options.Prune) && (doc == nil || !doc.Partial)
		if whole || named(doc, app.App) {
			app.Action, app.Operations = Destroy, stopOperations(app.Job, "destroy")
		} else {
			app.Action = LeftAlone
		}
		plan.Apps = append(plan.Apps, app)
	}
	plan.summarize()
	return plan, nil
}

func named(doc *spec.Document, app string) bool {
	return doc != nil && slices.ContainsFunc(doc.Apps, func(a spec.App) bool { return a.Name == app })
}

// desire decides what the files leave open, for all apps, and answers all
// errors at once.
func (r *Reconciler) desire(doc *spec.Document, region string) ([]desired, []string, error) {
	o := r.Options
	o.Stacks = doc.Stacks
	o.RawExec = r.Nomad.Loopback() || o.AllowRawExec
	var wants []desired
	var errs spec.Diagnostics
	var warnings []string
	for _, app := range doc.Apps {
		d, diags := desire(app, o)
		bindings, more := bind(app, doc.ServiceInstances, identity{Region: region, Space: r.Nomad.Space, App: app.Name})
		d.Bindings, diags = bindings, append(diags, more...)
		for _, diag := range diags {
			if diag.Severity == spec.SeverityError {
				errs = append(errs, diag)
			} else {
				warnings = append(warnings, diag.String())
			}
		}
		if d.Stack.Driver == nomad.DriverRawExec && !o.RawExec {
			errs = append(errs, at(app, "stack", spec.SeverityError,
				fmt.Sprintf("app %q would run with raw_exec, without a container, on %s, which is not on this machine", app.Name, r.Nomad.Address()),
				"Give it a stack with driver docker, or set allow_raw_exec (WADI_ALLOW_RAW_EXEC=true) if that Nomad is yours alone."))
		}
		wants = append(wants, d)
	}
	errs = append(errs, sameRoutes(wants)...)
	if len(errs) > 0 {
		return nil, nil, errs
	}
	return wants, warnings, nil
}

func (r *Reconciler) planApp(ctx context.Context, d desired, of planning, who identity) (AppPlan, error) {
	is, p, err := r.survey(ctx, d, of, who)
	if err != nil {
		return AppPlan{}, err
	}
	if d.App.Docker != nil {
		d.Image, d.Login = p.Image, p.Login
	}
	d.StackImage = p.stackImage(d)
	result := is.Result
	restage := r.Options.Restage && (d.App.Docker == nil || d.Staging != nil)
	if restage {
		result = nil
	}
	if result == nil && p.Image != nil {
		result = new(lifecycle.ImageResult(*p.Image)) // staging has to agree
	}
	c := comparison{
		Want: d, Pinned: p, Is: is, Restage: restage,
		Facts: factsOf(d, p, r.Lifecycle.SHA256, of.salt, result), EnvSums: stage.EnvDigests(of.salt, d.App.Env),
	}
	rev := revisionOf(d, result, r.Blobs.URL, who, of.salt)
	if size := (nomad.Variable{Items: rev.Items}).Size(); size > nomad.MaxVariableBytes {
		w := work{want: d}
		return AppPlan{}, &AppError{App: d.App.Name, Step: "plan", Err: &nomad.TooBigError{Path: nomad.VariablePath(d.ID), Size: size, Parts: w.sizes()}}
	}
	if result != nil {
		c.RevKey = rev.key()
	}
	c.Job = r.job(d, is.Job, rev)
	if c.Is.Plan, err = r.Nomad.PlanJob(ctx, c.Job); err != nil {
		return AppPlan{}, err
	}
	app := diff(c)
	if is.Job != nil {
		app.index = *is.Job.JobModifyIndex
		if !r.owns(is.Job.Meta) {
			app.adopting(is.Job)
		}
	}
	app.work = &work{again: is.Job != nil && (isStopped(is.Job) || c.failedBefore()), want: d, pinned: p, is: is, job: c.Job, facts: c.Facts, envSums: c.EnvSums, who: who,
		of: of, generation: is.Generation + 1, blind: is.ResultErr != nil || is.Recorded || p.Open && d.App.Docker == nil}
	return app, nil
}

// adopting says that a job of somebody else is taken over.
func (a *AppPlan) adopting(job *api.Job) {
	whose := "is not wadi's"
	if project := projectOf(job.Meta); project != "" {
		whose = fmt.Sprintf("belongs to project %q", project)
	}
	a.Warnings = append(a.Warnings, fmt.Sprintf("job %q %s: it is adopted, and all its instances are replaced", *job.ID, whose))
}

// job is the app's service job. What the files leave open about instances is
// kept as it is, group by group.
func (r *Reconciler) job(d desired, live *api.Job, rev revision) *api.Job {
	in := nomad.LRP{
		ID: d.ID, App: d.App.Name, Project: r.Options.Project, Space: r.Nomad.Space,
		Placement: r.placement(d), RevisionKey: rev.Shared, EnvironmentKey: rev.Env, Credentials: credentials(d.Bindings), Routes: d.Routes, Lifecycle: r.lifecycle(),
		Restart: nomad.RestartOf(live),
	}
	for _, p := range d.Processes {
		count := *p.Instances
		if !p.CountSet && !r.Options.ResetCount && live != nil {
			if g := groupOf(live, p.Group); g != nil {
				count = *g.Count
			}
		}
		cpu := 0
		if p.CPU != nil {
			cpu = *p.CPU
		}
		in.Processes = append(in.Processes, nomad.LRPProcess{
			Group: p.Group, Key: rev.Processes[p.Group], Count: count, MemoryMB: *p.MemoryMB, DiskMB: *p.DiskMB, CPU: cpu,
			Web: p.Type == spec.WebProcess, Ports: d.ports(), MaxInFlight: d.InFlight, StartTimeout: time.Duration(*p.TimeoutS) * time.Second,
			Nodes: nodesOf(p.Placement),
		})
	}
	return nomad.LRPJob(in)
}

// placement says where an app's tasks run. On this machine alone an instance
// counts as healthy a little sooner.
func (r *Reconciler) placement(d desired) nomad.Placement {
	stack := d.Stack
	if d.StackImage != "" {
		stack.Image = d.StackImage
	}
	place := r.placementOn(stack)
	if d.App.Docker != nil {
		place.Container = d.imageContainer()
	}
	return place
}

// stagingPlacement says where an app is staged.
func (r *Reconciler) stagingPlacement(d desired) nomad.Placement {
	if d.Staging != nil {
		return r.placementOn(*d.Staging)
	}
	return r.placement(d)
}

func (r *Reconciler) placementOn(stack spec.Stack) nomad.Placement {
	place := nomad.Placement{Driver: stack.Driver, NodePool: stack.NodePool, Datacenters: stack.Datacenters,
		Constraints: constraintsOf(stack.Constraints), Arch: runtime.GOARCH, MinHealthy: 3 * time.Second}
	if stack.Priority != nil {
		place.Priority = *stack.Priority
	}
	if r.Nomad.Loopback() {
		place.MinHealthy = time.Second
	}
	if stack.Driver == nomad.DriverDocker {
		// the blob store has to be reached from the container
		place.Container = nomad.Container{Image: stack.Image, Rootfs: true, HostNetwork: r.Blobs.Loopback()}
	}
	return place
}

func (r *Reconciler) lifecycle() nomad.Lifecycle {
	return nomad.Lifecycle{URL: r.Blobs.LifecycleURL(r.Lifecycle.SHA256), SHA256: r.Lifecycle.SHA256}
}

func (p *Plan) summarize() {
	for _, app := range p.Apps {
		switch app.Action {
		case Create:
			p.Summary.Add++
		case Update:
			p.Summary.Change++
		case Destroy:
			p.Summary.Destroy++
		case None:
			p.Summary.Unchanged++
		}
		for _, op := range app.Operations {
			if op.Kind == Stage && (app.work == nil || !app.work.shares) {
				p.Summary.Stage++
			}
		}
	}
}

func (r *Reconciler) parallelism() int {
	if r.Options.Parallelism > 0 {
		return r.Options.Parallelism
	}
	return 10
}

// Render answers the job of each app as it would be registered. Where only
// staging will tell the revision, its key is nomad.UnknownRevision.
func (r *Reconciler) Render(ctx context.Context, doc *spec.Document) ([]*api.Job, error) {
	plan, err := r.Plan(ctx, doc)
	if err != nil {
		return nil, err
	}
	var jobs []*api.Job
	for _, app := range plan.Apps {
		if app.work != nil {
			jobs = append(jobs, app.work.job)
		}
	}
	return jobs, nil
}

// ForeignJobError is a job of an app's name that wadi does not own.
type ForeignJobError struct {
	App, Job, Space, Type string
	Project               string // that owns it; "" = none of wadi's
}

func (e *ForeignJobError) Error() string {
	whose := "that is not wadi's"
	if e.Project != "" {
		whose = fmt.Sprintf("that belongs to project %q", e.Project)
	}
	return fmt.Sprintf("app %q: space %s has a %s job %q %s; nothing was changed", e.App, e.Space, e.Type, e.Job, whose)
}

// Hint says what to do next.
func (e *ForeignJobError) Hint() string {
	if e.Type != api.JobTypeService {
		return "rename the app: Nomad cannot make a service of a job of another type"
	}
	return "rename the app, or take the job over with --adopt, which replaces its instances"
}
