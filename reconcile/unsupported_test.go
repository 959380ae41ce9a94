package reconcile

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"wadi/spec"
)

// What becomes of each field of the model. A field that a file sets is served,
// or plan refuses or warns of it: none is dropped in silence.
const (
	served  = "served"
	book    = "bookkeeping" // says where something stands, requests nothing
	partial = "partial"     // some values are refused or warned of: refusals has them
)

var fates = map[string]string{
	"App.Name": served, "App.Path": served, "App.PathWritten": book, "App.Stack": partial, "App.Lifecycle": partial, "App.Docker": partial,
	"App.Buildpacks": served, "App.Env": served, "App.RouteMode": partial, "App.Routes": partial, "App.Services": partial,
	"App.Processes": served, "App.Sidecars": partial, "App.Metadata": partial, "App.Features": partial, "App.Deploy": served,
	"App.Sensitive": book, "App.Masked": book, "App.Field": book, "App.Pos": book, "App.FieldPos": book,
	"Docker.Image": served, "Docker.Username": served, "Docker.Password": served, "Docker.LoginVariable": served,
	"Route.Route": book, "Route.Written": book, "Route.Host": served, "Route.Port": partial, "Route.Path": served, "Route.Protocol": partial, "Route.Options": partial, "Route.Pos": book,
	"Service.Name": partial, "Service.BindingName": served, "Service.Parameters": partial,
	"Process.Type": served, "Process.Instances": served, "Process.MemoryMB": served, "Process.DiskMB": served, "Process.LogRateLimitBPS": partial,
	"Process.Command": served, "Process.User": partial, "Process.TimeoutS": served, "Process.HealthCheck": served, "Process.ReadinessHealthCheck": served, "Process.CPU": served, "Process.Placement": served,
	"Placement.NodePool": served, "Placement.Datacenters": served, "Placement.Constraints": served,
	"Constraint.Attribute": served, "Constraint.Operator": served, "Constraint.Value": served,
	"HealthCheck.Type": served, "HealthCheck.HTTPEndpoint": served, "HealthCheck.IntervalS": served, "HealthCheck.InvocationTimeoutS": served,
	"Sidecar.Name": served, "Sidecar.Command": served, "Sidecar.ProcessTypes": served, "Sidecar.MemoryMB": partial,
	"Metadata.Labels": partial, "Metadata.Annotations": partial,
	"Deploy.Strategy": served, "Deploy.MaxInFlight": served,
}

// TestNoFieldIsForgotten wants a fate for every field that a file can set.
func TestNoFieldIsForgotten(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range []any{spec.App{}, spec.Docker{}, spec.Route{}, spec.Service{}, spec.Process{}, spec.Placement{}, spec.Constraint{}, spec.HealthCheck{}, spec.Sidecar{}, spec.Metadata{}, spec.Deploy{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			name := typ.Name() + "." + typ.Field(i).Name
			seen[name] = true
			if fates[name] == "" {
				t.Errorf("%s: say in fates whether plan serves it, and in refusals what it says if not", name)
			}
		}
	}
	for name := range fates {
		if !seen[name] {
			t.Errorf("%s is not in the model any more", name)
		}
	}
}

// TestRefusals plans what validate accepts: the body of an app a. Field is
// where plan says it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, says, field string
		line              int
		severity          spec.Severity
	}{
		{"lifecycle: cnb", `lifecycle "cnb" is not supported yet`, "lifecycle", 3, spec.SeverityError},
		{"metadata: {labels: {a: b}}", "metadata (labels and annotations) is not supported yet", "metadata", 3, spec.SeverityError},
		{"metadata: {annotations: {a: b}}", "metadata (labels and annotations) is not supported yet", "metadata", 3, spec.SeverityError},
		{"features: {ssh: true}", "feature ssh is not supported yet", "features.ssh", 3, spec.SeverityError},
		{"features: {ssh: false}", "feature ssh cannot be switched off", "features.ssh", 3, spec.SeverityWarning},
		{"features: {revisions: false}", "feature revisions cannot be switched off", "features.revisions", 3, spec.SeverityWarning},
		{"random-route: true", "random-route is not supported yet", "random-route", 3, spec.SeverityError},
		{"routes: [{route: 'a.example.com:1025'}]", "a TCP route (a.example.com:1025) is not supported yet", "routes[0]", 3, spec.SeverityError},
		{"routes: [{route: a.example.com, protocol: http2}]", "protocol http2 (route a.example.com) is not supported yet", "routes[0]", 3, spec.SeverityError},
		{"routes: [{route: a.example.com, options: {loadbalancing: round-robin}}]", "route options (route a.example.com) is not supported yet", "routes[0]", 3, spec.SeverityError},
		{"log-rate-limit-per-second: 1K", `a log rate limit (process "web") is not supported yet`, "log-rate-limit-per-second", 3, spec.SeverityError},
		{"processes:\n  - type: w\n    log-rate-limit-per-second: 0", `a log rate limit (process "w") is not supported yet`, "processes[0].log-rate-limit-per-second", 5, spec.SeverityError},
		{"processes:\n  - type: w\n    user: root", `user "root" of process "w" is not supported yet`, "processes[0].user", 5, spec.SeverityError},
		{"stack: cflinuxfs4", `stack "cflinuxfs4" is not declared`, "stack", 3, spec.SeverityWarning},
		{"services: [db]", "Service instance 'db' not found", "services[0]", 3, spec.SeverityError},
		{"services: [{name: known, parameters: {a: 1}}]", "has parameters, which no service broker is there to read", "services[0]", 3, spec.SeverityError},
	} {
		app := loadApp(t, c.body)
		_, diags := desire(app, Options{Domain: "example.com"})
		_, more := bind(app, map[string]spec.ServiceInstance{"known": {Name: "known"}}, identity{})
		found := slices.ContainsFunc(append(diags, more...), func(d spec.Diagnostic) bool {
			return strings.Contains(d.Summary, c.says) && d.Field == "applications[0]."+c.field && d.Line == c.line && d.Severity == c.severity
		})
		if !found {
			t.Errorf("%s\nwant %+v, got %+v", c.body, c, append(diags, more...))
		}
	}
}

// TestUnreachedRoutesAreNotRefused: what no-route switches off asks for
// nothing.
func TestUnreachedRoutesAreNotRefused(t *testing.T) {
	t.Parallel()
	_, diags := desire(loadApp(t, "no-route: true\n  routes: [{route: 'a.example.com:1025'}]"), Options{Domain: "example.com"})
	if diags.HasErrors() {
		t.Error(diags)
	}
}

// loadApp reads a manifest of one app, which must be valid.
func loadApp(t *testing.T, body string) spec.App {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifest.yml")
	if err := os.WriteFile(path, []byte("applications:\n- name: a\n  "+body+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	doc, diags := spec.Load(context.Background(), spec.Options{FS: spec.OSFS(), Dir: filepath.Dir(path)})
	if diags.HasErrors() || len(doc.Apps) != 1 {
		t.Fatalf("%s\nis refused: %v", body, diags)
	}
	return doc.Apps[0]
}
