package router

import (
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"
)

// registered is a registration that is what it claims to be.
func registered() (*api.ServiceRegistration, *api.Allocation) {
	reg := &api.ServiceRegistration{
		ServiceName: "hello", Namespace: "team", JobID: "hello", AllocID: "a1", Address: "10.0.0.1", Port: 20001,
		Tags: []string{"traefik.enable=true", "wadi.route=hello.example.com/x", "wadi.route=bad host", "wadi.route=hello.example.com"},
	}
	alloc := &api.Allocation{
		ID: "a1", Namespace: "team", JobID: "hello", Name: "hello.web[3]",
		Job: &api.Job{Meta: map[string]string{"owner": "wadi", "app": "Hello World"}, CreateIndex: new(uint64(7))},
		AllocatedResources: &api.AllocatedResources{Shared: api.AllocatedSharedResources{Ports: []api.PortMapping{
			{Label: "health", Value: 20002, HostIP: "10.0.0.1"},
			{Label: "http", Value: 20001, To: 8080, HostIP: "10.0.0.1"},
		}}},
	}
	return reg, alloc
}

func TestVerify(t *testing.T) {
	t.Parallel()
	i, err := verify(registered())
	if err != nil {
		t.Fatal(err)
	}
	if want := (app{"team", "hello", 7, "Hello World"}); i.app != want || i.alloc != "a1" || i.index != 3 || i.addr != "10.0.0.1:20001" || i.health != "10.0.0.1:20002" {
		t.Errorf("%+v", i)
	}
	for name, c := range map[string]struct {
		spoil func(*api.ServiceRegistration, *api.Allocation)
		want  string
	}{
		"foreign job":          {func(_ *api.ServiceRegistration, a *api.Allocation) { delete(a.Job.Meta, "owner") }, `meta owner = "wadi"`},
		"platform job":         {func(_ *api.ServiceRegistration, a *api.Allocation) { a.Job.Meta["owner"] = "wadi-platform" }, `meta owner = "wadi"`},
		"no job":               {func(_ *api.ServiceRegistration, a *api.Allocation) { a.Job = nil }, "meta owner"},
		"no create index":      {func(_ *api.ServiceRegistration, a *api.Allocation) { a.Job.CreateIndex = nil }, "create index"},
		"another's allocation": {func(r *api.ServiceRegistration, _ *api.Allocation) { r.JobID = "other" }, "belongs to job hello"},
		"another namespace":    {func(r *api.ServiceRegistration, _ *api.Allocation) { r.Namespace = "other" }, "in team"},
		"foreign port":         {func(r *api.ServiceRegistration, _ *api.Allocation) { r.Port = 22 }, "10.0.0.1:22"},
		"foreign address":      {func(r *api.ServiceRegistration, _ *api.Allocation) { r.Address = "169.254.169.254" }, "169.254.169.254:20001"},
		"health port":          {func(r *api.ServiceRegistration, _ *api.Allocation) { r.Port = 20002 }, "20002"},
		"no app port":          {func(_ *api.ServiceRegistration, a *api.Allocation) { a.AllocatedResources.Shared.Ports[1].Label = "x" }, `no port "http"`},
		"no health port":       {func(_ *api.ServiceRegistration, a *api.Allocation) { a.AllocatedResources.Shared.Ports[0].Label = "x" }, `no port "health"`},
		"no resources":         {func(_ *api.ServiceRegistration, a *api.Allocation) { a.AllocatedResources = nil }, `no port "http"`},
	} {
		reg, alloc := registered()
		c.spoil(reg, alloc)
		if i, err := verify(reg, alloc); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want an error with %q", name, i, err, c.want)
		}
	}
}

func TestRoutesOf(t *testing.T) {
	t.Parallel()
	reg, _ := registered()
	routes, bad := routesOf(reg)
	if len(routes) != 2 || routes[0].String() != "hello.example.com/x" || routes[1].String() != "hello.example.com" {
		t.Errorf("routes %v", routes)
	}
	if len(bad) != 1 || !strings.Contains(bad[0], `route "bad host" of job hello in namespace team is not served`) {
		t.Errorf("bad %q", bad)
	}
}
