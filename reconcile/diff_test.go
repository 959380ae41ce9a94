package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/golden"
	"wadi/nomad"
	"wadi/spec"
	"wadi/stage"
	"wadi/stage/lifecycle"
)

var testSalt = []byte("a salt for tests")

// shop is an app with everything a plan speaks of.
func shop() spec.App {
	return spec.App{
		Name: "shop", Path: "/src/shop", Buildpacks: []string{"staticfile"},
		Env:       map[string]string{"GREETING": "hello", "PASSWORD": "geheim", "SAME_PASSWORD": "geheim"},
		Sensitive: map[string]bool{"env.PASSWORD": true, "env.SAME_PASSWORD": true},
		RouteMode: spec.RoutesExplicit,
		Routes:    []spec.Route{{Route: "shop.example.com/api", Host: "shop.example.com", Path: "/api"}},
		Processes: []spec.Process{
			{Type: "web", Instances: new(2), MemoryMB: new(256)},
			{Type: "worker", Instances: new(1), Command: spec.Command{Set: true, Text: "./work"}},
		},
		Sidecars: []spec.Sidecar{{Name: "proxy", Command: "./proxy", ProcessTypes: []string{"web"}, MemoryMB: new(32)}},
	}
}

// placed says where processes run, and on which stack.
func placed(app spec.App) spec.App {
	app.Stack = "host"
	app.Processes[1].Placement = &spec.Placement{Datacenters: []string{"eu-1"}, Constraints: []spec.Constraint{{Operator: "distinct_hosts", Value: "true"}}}
	return app
}

func gpu() map[string]spec.Stack {
	return map[string]spec.Stack{"host": {Name: "host", Driver: "raw_exec", Priority: new(70), Placement: spec.Placement{
		NodePool: "gpu", Datacenters: []string{"eu-*"}, Constraints: []spec.Constraint{{Attribute: "meta.rack", Operator: "=", Value: "1"}},
	}}}
}

// scenario builds a comparison the way planApp does, from values alone.
type scenario struct {
	app     spec.App
	stacks  map[string]spec.Stack
	pkg     string
	result  *lifecycle.Result
	is      observed
	restage bool
	packs   []stage.BuildpackPin // nil = the built-in staticfile
	image   *pinned              // of an app of an image
	// stackImage is what the stack's image is now.
	stackImage string
}

var staticfilePin = []stage.BuildpackPin{{Key: "staticfile", Name: "staticfile", Builtin: "staticfile"}}

var dropletA = &lifecycle.Result{Generation: 1, Droplet: "aaaaaaaaaaaaaaaaaaaaaaaa", StagedAt: 1_700_000_000}

func (s scenario) plan(t *testing.T) AppPlan {
	t.Helper()
	r := testReconciler()
	r.Options.Stacks = s.stacks
	d, diags := desire(s.app, r.Options)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p := pinned{
		Package: s.pkg, Tree: &stage.Tree{Files: 3, Bytes: 1234, Digest: s.pkg}, SkipDetect: true,
		Buildpacks: staticfilePin,
	}
	if s.packs != nil {
		p.Buildpacks = s.packs
		p.keep(s.is.runs(), testSalt)
	}
	p.StackImage = s.stackImage
	result := s.result
	if s.restage {
		result = nil
	}
	if s.image != nil {
		p, d.Image, d.Login = *s.image, s.image.Image, s.image.Login
	}
	if result == nil && p.Image != nil {
		result = new(lifecycle.ImageResult(*p.Image))
	}
	c := comparison{Want: d, Pinned: p, Is: s.is, Restage: s.restage,
		Facts: factsOf(d, p, "11111111111111", testSalt, result), EnvSums: stage.EnvDigests(testSalt, s.app.Env)}
	c.Is.Result = s.result
	rev := revisionOf(d, result, "http://blobs", identity{"global", "default", s.app.Name}, testSalt)
	if result != nil {
		c.RevKey = rev.key()
	}
	c.Job = r.job(d, s.is.Job, rev)
	return diff(c)
}

// runs is what there is after the app was deployed with dropletA.
func runs(t *testing.T, app spec.App, pkg string) observed {
	t.Helper()
	return runsWith(t, app, pkg, staticfilePin)
}

func runsWith(t *testing.T, app spec.App, pkg string, packs []stage.BuildpackPin) observed {
	t.Helper()
	r := testReconciler()
	d, _ := desire(app, r.Options)
	p := pinned{Package: pkg, SkipDetect: true, Buildpacks: packs}
	rev := revisionOf(d, dropletA, "http://blobs", identity{"global", "default", app.Name}, testSalt)
	rec := record{Version: 1}.with(revisionRecord{Key: rev.key(), State: stateDeployed, Pins: p.pins(testSalt),
		Facts: recordable(factsOf(d, p, "11111111111111", testSalt, dropletA)), Env: stage.EnvDigests(testSalt, app.Env)})
	job := r.job(d, nil, rev)
	for _, g := range job.TaskGroups { // as Nomad's servers do
		g.Constraints = append(g.Constraints, &api.Constraint{LTarget: "${attr.nomad.version}", Operand: "semver", RTarget: ">= 1.7.0-a"},
			&api.Constraint{LTarget: "${attr.os.signals}", Operand: "set_contains", RTarget: "SIGTERM"})
	}
	return observed{Job: job, Record: rec}
}

func testReconciler() *Reconciler {
	client, err := nomad.New(nomad.Config{Address: "http://127.0.0.1:4646"})
	if err != nil {
		panic(err)
	}
	return &Reconciler{Nomad: client, Blobs: testBlobs, Lifecycle: Lifecycle{SHA256: "11111111111111"},
		Options: Options{Project: "test", Domain: "localhost"}}
}

func TestPlanText(t *testing.T) {
	t.Parallel()
	annotated := func(o observed) observed {
		o.Plan = &api.JobPlanResponse{Diff: &api.JobDiff{Type: "Edited"},
			Annotations: &api.PlanAnnotations{DesiredTGUpdates: map[string]*api.DesiredUpdates{
				"web": {Canary: 1, Ignore: 1}, "worker": {DestructiveUpdate: 1}}}}
		return o
	}
	cases := map[string]func() scenario{
		"create":        func() scenario { return scenario{app: shop(), pkg: "p1"} },
		"create-placed": func() scenario { return scenario{app: placed(shop()), stacks: gpu(), pkg: "p1"} },
		"placement": func() scenario {
			return scenario{app: placed(shop()), stacks: gpu(), pkg: "p1", result: dropletA, is: runs(t, shop(), "p1")}
		},
		"placement-leaves": func() scenario {
			is := runs(t, shop(), "p1")
			is.Job.NodePool, is.Job.Priority = new("gpu"), new(70)
			is.Job.Constraints = append(is.Job.Constraints, &api.Constraint{LTarget: "${meta.rack}", Operand: "=", RTarget: "1"})
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
		"create-known-droplet": func() scenario {
			return scenario{app: shop(), pkg: "p1", result: dropletA}
		},
		"no-change": func() scenario {
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: runs(t, shop(), "p1")}
		},
		"source": func() scenario {
			return scenario{app: shop(), pkg: "p2", is: annotated(runs(t, shop(), "p1"))}
		},
		"restage": func() scenario {
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: annotated(runs(t, shop(), "p1")), restage: true}
		},
		"env": func() scenario {
			app := shop()
			app.Env = map[string]string{"GREETING": "good day", "PASSWORD": "geheimer", "NEW": "1"}
			return scenario{app: app, pkg: "p1", is: annotated(runs(t, shop(), "p1"))}
		},
		"command-and-memory": func() scenario {
			app := shop()
			app.Processes[0].MemoryMB = new(512)
			app.Processes[1].Command.Text = "./work --faster"
			return scenario{app: app, pkg: "p1", result: dropletA, is: annotated(runs(t, shop(), "p1"))}
		},
		"count-and-route": func() scenario {
			app := shop()
			app.Processes[0].Instances = new(5)
			app.Routes = []spec.Route{{Host: "Shop.example.com"}}
			return scenario{app: app, pkg: "p1", result: dropletA, is: runs(t, shop(), "p1")}
		},
		"count-kept": func() scenario {
			app := shop()
			app.Processes[0].Instances = nil
			is := runs(t, shop(), "p1")
			*is.Job.TaskGroups[0].Count = 7
			return scenario{app: app, pkg: "p1", result: dropletA, is: is}
		},
		"process-leaves": func() scenario {
			app := shop()
			app.Processes = app.Processes[:1]
			return scenario{app: app, pkg: "p1", result: dropletA, is: annotated(runs(t, shop(), "p1"))}
		},
		"stopped": func() scenario {
			is := runs(t, shop(), "p1")
			is.Job.Stop = new(true)
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
		"more-instances": func() scenario {
			is, app := runs(t, shop(), "p1"), shop()
			is.Plan = &api.JobPlanResponse{Annotations: &api.PlanAnnotations{DesiredTGUpdates: map[string]*api.DesiredUpdates{"web": {Place: 2, InPlaceUpdate: 2}}}}
			*app.Processes[0].Instances += 2
			return scenario{app: app, pkg: "p1", result: dropletA, is: is}
		},
		"none-runs": func() scenario {
			is, app := runs(t, shop(), "p1"), shop()
			is.Plan = &api.JobPlanResponse{Annotations: &api.PlanAnnotations{DesiredTGUpdates: map[string]*api.DesiredUpdates{"web": {Place: 2}}}}
			is.Live = map[string]liveGroup{"web": {Wanted: 2}}
			app.Processes[0].HealthCheck.Type = "process"
			return scenario{app: app, pkg: "p1", result: dropletA, is: is}
		},
		"droplet-gone": func() scenario {
			is := annotated(runs(t, shop(), "p1"))
			is.Gone = true
			return scenario{app: shop(), pkg: "p1", is: is}
		},
		"stack-image-moved": func() scenario {
			is := annotated(runs(t, shop(), "p1"))
			is.Record.Revisions[0].Facts["stack"] = "host (docker example.com/rootfs:1)"
			is.Record.Revisions[0].Facts[stackImageFact] = "sha256:aaaaaaaaaaaa"
			return scenario{app: shop(), pkg: "p1", is: is, stackImage: "example.com/rootfs@sha256:bbbbbbbbbbbbbbbb",
				stacks: map[string]spec.Stack{"host": {Name: "host", Driver: "docker", Image: "example.com/rootfs:1"}}}
		},
		"stack-image-pinned": func() scenario {
			is := annotated(runs(t, shop(), "p1"))
			is.Record.Revisions[0].Facts["stack"] = "host (docker example.com/rootfs:1)"
			return scenario{app: shop(), pkg: "p1", is: is, stackImage: "example.com/rootfs@sha256:bbbbbbbbbbbbbbbb",
				stacks: map[string]spec.Stack{"host": {Name: "host", Driver: "docker", Image: "example.com/rootfs:1"}}}
		},
		"droplet-damaged": func() scenario {
			is := annotated(runs(t, shop(), "p1"))
			is.Gone, is.Damaged = true, []string{"chunk 0123456789abcdef", "chunk 1123456789abcdef", "chunk 2123456789abcdef", "chunk 3123456789abcdef", "chunk 4123456789abcdef"}
			return scenario{app: shop(), pkg: "p1", is: is}
		},
		"not-recorded": func() scenario {
			is := annotated(runs(t, shop(), "p1"))
			is.Record = record{Version: 1}
			return scenario{app: shop(), pkg: "p2", is: is}
		},
		"record-lost": func() scenario {
			is := runs(t, shop(), "p1")
			is.Record = record{Version: 1}
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
		"drift": func() scenario {
			is := runs(t, shop(), "p1")
			is.Plan = &api.JobPlanResponse{Diff: &api.JobDiff{Type: "Edited", TaskGroups: []*api.TaskGroupDiff{{Type: "Edited", Name: "web",
				Tasks: []*api.TaskDiff{{Type: "Edited", Name: "app", Objects: []*api.ObjectDiff{{Type: "Edited", Name: "Resources",
					Fields: []*api.FieldDiff{{Type: "Edited", Name: "CPU", Old: "500", New: "31"}}}}}}}}}}
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
		"deployed-where-instances-had-failed": func() scenario {
			is := runs(t, shop(), "p1")
			web := groupOf(is.Job, "web").Update
			web.Canary, web.AutoPromote = new(0), new(false)
			is.Plan = &api.JobPlanResponse{Diff: &api.JobDiff{Type: "Edited", TaskGroups: []*api.TaskGroupDiff{{Type: "Edited", Name: "web",
				Objects: []*api.ObjectDiff{{Type: "Edited", Name: "Update", Fields: []*api.FieldDiff{
					{Type: "Edited", Name: "AutoPromote", Old: "false", New: "true"}, {Type: "Edited", Name: "Canary", Old: "0", New: "1"}}}}}}}}
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
		"no-room": func() scenario {
			return scenario{app: shop(), pkg: "p1", is: observed{Plan: &api.JobPlanResponse{FailedTGAllocs: map[string]*api.AllocationMetric{
				"web": {NodesEvaluated: 1, DimensionExhausted: map[string]int{"memory": 1}}}}}}
		},
		"unresolved": func() scenario {
			return scenario{app: shop(), pkg: "p1", is: observed{ResultErr: errors.New("the blob store does not answer")}}
		},
		"unhealthy": func() scenario {
			is := runs(t, shop(), "p1")
			is.Live = map[string]liveGroup{"web": {Wanted: 2, Running: 1}}
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is}
		},
	}
	maps.Copy(cases, buildpackCases(t))
	maps.Copy(cases, imageCases(t))
	for name, build := range cases {
		t.Run(name, func(t *testing.T) {
			app := build().plan(t)
			plan := Plan{Project: "test", Space: "default", Address: "http://127.0.0.1:4646", Apps: []AppPlan{app}}
			plan.summarize()
			var text bytes.Buffer
			if err := plan.WriteText(&text, TextOptions{}); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "plan/"+name+".txt", text.Bytes())
			js, err := json.MarshalIndent(plan, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"geheim", "geheimer"} {
				if bytes.Contains(js, []byte(secret)) || bytes.Contains(text.Bytes(), []byte(secret)) {
					t.Errorf("the plan shows the secret %q:\n%s", secret, js)
				}
			}
		})
	}
}

// TestRevisionKey guards what "No changes" rests on: the same input gives
// the same key, and routes and counts are no part of it.
func TestRevisionKey(t *testing.T) {
	t.Parallel()
	key := func(change func(*spec.App)) string {
		app := shop()
		change(&app)
		d, _ := desire(app, Options{Domain: "localhost"})
		return revisionOf(d, dropletA, "http://blobs", identity{"global", "default", "shop"}, testSalt).key()
	}
	same := key(func(*spec.App) {})
	for name, change := range map[string]func(*spec.App){
		"nothing": func(*spec.App) {},
		"routes":  func(a *spec.App) { a.Routes = nil },
		"count":   func(a *spec.App) { a.Processes[0].Instances = new(9) },
	} {
		if got := key(change); got != same {
			t.Errorf("%s: key %s, want %s", name, got, same)
		}
	}
	// one process's own settings leave the others' instances alone
	parts := func(change func(*spec.App)) revision {
		app := shop()
		change(&app)
		d, _ := desire(app, Options{Domain: "localhost"})
		return revisionOf(d, dropletA, "http://blobs", identity{"global", "default", "shop"}, testSalt)
	}
	before, after := parts(func(*spec.App) {}), parts(func(a *spec.App) { a.Processes[1].Command.Text = "x" })
	if before.Shared != after.Shared || before.Processes["web"] != after.Processes["web"] || before.Processes["worker"] == after.Processes["worker"] {
		t.Errorf("a worker's command: %+v, then %+v", before, after)
	}
	for name, change := range map[string]func(*spec.App){
		"env":     func(a *spec.App) { a.Env["GREETING"] = "x" },
		"command": func(a *spec.App) { a.Processes[1].Command.Text = "x" },
		"memory":  func(a *spec.App) { a.Processes[0].MemoryMB = new(1) },
		"stack":   func(a *spec.App) { a.Stack = "cflinuxfs4" },
	} {
		if key(change) == same {
			t.Errorf("%s does not change the key", name)
		}
	}
}

// Warnings about a place in the files name the file as people do.
func TestWarningsAreRelative(t *testing.T) {
	t.Parallel()
	plan := &Plan{Project: "p", Space: "default", Warnings: []string{"/home/me/shop/manifest.yml:5:10: odd", "/elsewhere/x.hcl:1:1: odd", "plain"}}
	for dir, want := range map[string]string{
		"/home/me/shop": "Warning: manifest.yml:5:10: odd\nWarning: /elsewhere/x.hcl:1:1: odd\nWarning: plain\n\n",
		"":              "Warning: /home/me/shop/manifest.yml:5:10: odd\n",
	} {
		var text bytes.Buffer
		if err := plan.WriteText(&text, TextOptions{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text.String(), want) {
			t.Errorf("%q: %q does not begin with %q", dir, &text, want)
		}
	}
}
