package reconcile

import (
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage"
	"wadi/stage/lifecycle"
)

// redis is an app of an image.
func redis() spec.App {
	return spec.App{Name: "redis", Docker: &spec.Docker{Image: "redis:7"}, RouteMode: spec.RoutesNone,
		Processes: []spec.Process{{Type: "web", Instances: new(1), MemoryMB: new(64)}}}
}

// image is what redis:7 stands for.
func image(digit string) *lifecycle.ImageMetadata {
	digest := "sha256:" + strings.Repeat(digit, 64)
	return &lifecycle.ImageMetadata{Image: "docker.io/library/redis@" + digest, Digest: digest, Cmd: []string{"redis-server"},
		Ports: []lifecycle.ImagePort{{Port: 6379, Protocol: "tcp"}}}
}

// runsImage is what there is after the app was deployed.
func runsImage(t *testing.T, app spec.App, p pinned) observed {
	t.Helper()
	r := testReconciler()
	d, _ := desire(app, r.Options)
	d.Image, d.Login = p.Image, p.Login
	result := lifecycle.ImageResult(*p.Image)
	rev := revisionOf(d, &result, "http://blobs", identity{"global", "default", app.Name}, testSalt)
	rec := record{Version: 1}.with(revisionRecord{Key: rev.key(), State: stateDeployed, ImageMetadata: p.Image,
		Facts: recordable(factsOf(d, p, "11111111111111", testSalt, &result)), Env: stage.EnvDigests(testSalt, app.Env)})
	return observed{Job: r.job(d, nil, rev), Record: rec}
}

// imageCases are plans of apps of images.
func imageCases(t *testing.T) map[string]func() scenario {
	t.Helper()
	staged := func(p *pinned) *lifecycle.Result { return new(lifecycle.ImageResult(*p.Image)) }
	replaced := func(o observed) observed {
		o.Plan = &api.JobPlanResponse{Diff: &api.JobDiff{Type: "Edited"},
			Annotations: &api.PlanAnnotations{DesiredTGUpdates: map[string]*api.DesiredUpdates{"web": {Canary: 1}}}}
		return o
	}
	a, b := &pinned{Image: image("a")}, &pinned{Image: image("b")}
	exposing := func(ports ...lifecycle.ImagePort) *pinned {
		moved := image("b")
		moved.Ports = ports
		return &pinned{Image: moved}
	}
	private := func(password string) *pinned {
		return &pinned{Image: image("a"), Login: newLogin("redis:7", "bob", password)}
	}
	return map[string]func() scenario{
		"image-create": func() scenario { return scenario{app: redis(), image: private("geheim")} },
		"image-no-change": func() scenario {
			return scenario{app: redis(), image: a, result: staged(a), is: runsImage(t, redis(), *a)}
		},
		"image-tag-moved": func() scenario {
			return scenario{app: redis(), image: b, is: replaced(runsImage(t, redis(), *a))}
		},
		"image-ports-moved": func() scenario {
			p := exposing(lifecycle.ImagePort{Port: 53, Protocol: "udp"}, lifecycle.ImagePort{Port: 80, Protocol: "tcp"}, lifecycle.ImagePort{Port: 9090, Protocol: "tcp"})
			return scenario{app: redis(), image: p, is: replaced(runsImage(t, redis(), *a))}
		},
		"image-ports-left": func() scenario {
			return scenario{app: redis(), image: exposing(), is: replaced(runsImage(t, redis(), *a))}
		},
		"image-other-name": func() scenario {
			app := redis()
			app.Docker.Image = "redis:8"
			return scenario{app: app, image: b, is: replaced(runsImage(t, redis(), *a))}
		},
		"image-renamed": func() scenario {
			app := redis()
			app.Docker.Image = "redis:stable"
			return scenario{app: app, image: a, is: runsImage(t, redis(), *a)}
		},
		"image-unreached-new": func() scenario {
			return scenario{app: redis(), image: &pinned{Open: true, Unresolved: []string{"which image redis:7 is now: the registry docker.io does not answer; staging asks from a node"}}}
		},
		"image-login": func() scenario {
			return scenario{app: redis(), image: private("geheim"), result: staged(a), is: replaced(runsImage(t, redis(), *a))}
		},
		"image-password": func() scenario {
			p := private("geheimer")
			return scenario{app: redis(), image: p, result: staged(p), is: runsImage(t, redis(), *private("geheim"))}
		},
		"image-restage": func() scenario {
			return scenario{app: redis(), image: a, result: staged(a), restage: true, is: runsImage(t, redis(), *a)}
		},
		"image-in-place-of-source": func() scenario {
			app := redis()
			app.Name = "shop"
			return scenario{app: app, image: a, is: replaced(runs(t, shop(), "p1"))}
		},
		"source-in-place-of-image": func() scenario {
			app := redis()
			app.Name = "shop"
			return scenario{app: shop(), pkg: "p1", is: replaced(runsImage(t, app, *a))}
		},
	}
}

// A password that a credential helper made anew is no change, and neither is
// one that a plan cannot find out because the registry does not answer.
func TestLoginFacts(t *testing.T) {
	t.Parallel()
	fleeting := newLogin("redis", "bob", "one")
	fleeting.Fleeting = true
	again := newLogin("redis", "bob", "two")
	again.Fleeting = true
	var kept pinned
	kept.keepImage(revisionRecord{Facts: recordable(fleeting.facts(testSalt))})
	for name, l := range map[string]*login{"made anew": again, "kept": kept.Login} {
		if text(l.facts(testSalt)) != text(fleeting.facts(testSalt)) || l.key() != fleeting.key() {
			t.Errorf("%s: %+v", name, l)
		}
	}
	app := redis()
	app.Docker.Username, app.Docker.Password, app.Sensitive = "bob", "geheim", map[string]bool{"docker.username": true}
	masked, diags := loginOf(app, Options{DockerPassword: "of the environment"})
	if len(diags) > 0 || strings.Contains(text(masked.facts(testSalt)), "bob") || masked.key() != fleeting.key() || masked.Password != "geheim" {
		t.Errorf("of a sensitive variable: %+v, %v", masked, diags)
	}
	if other := newLogin("ghcr.io/redis", "bob", "one"); other.key() == fleeting.key() {
		t.Error("the same key at another registry")
	}
	if nomad.LoginKey(testReconciler().job(desired{App: redis(), Stack: spec.Stack{Driver: "docker"}, Login: fleeting,
		Processes: []process{{Process: spec.EffectiveProcesses(redis())[0], Group: "web"}}}, nil, revision{})) != fleeting.key() {
		t.Error("the job does not name the login")
	}
}

func text(v any) string { return string(mustJSON(v)) }
