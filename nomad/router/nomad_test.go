package router

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
)

func TestFollowsNomad(t *testing.T) {
	t.Parallel()
	shared := nomadtest.Agent(t)
	c, ns := shared.Client, nomadtest.Namespace(t)
	host, foreignHost := "hello."+ns+".example.com", "foreign."+ns+".example.com"
	r := start(t, shared.Address, nomadtest.Token(t, policy))

	// Older than the app, with its route and one of its own.
	foreign := testJob("foreign", ns, "foreign", 1, host, foreignHost)
	foreign.Meta = nil
	register(t, c, foreign)
	testwait.Until(t, "the foreign job is noticed", func() bool { return strings.Contains(r.log.String(), "service foreign of job foreign") })

	register(t, c, testJob("hello", ns, "v1", 1, host))
	one := r.answers(t, host, "v1", 1)
	if status, body := r.get(t, foreignHost, "/"); status != 404 {
		t.Errorf("a job that is not ours got a request: %d %s", status, body)
	}

	t.Run("scale", func(t *testing.T) {
		load := r.load(t, host)
		scale(t, c, ns, 3)
		r.answers(t, host, "v1", 3)
		scale(t, c, ns, 1)
		r.answers(t, host, "v1", 1)
		testwait.Until(t, "only one instance is left", func() bool { return runningInstances(t, c, ns) == 1 })
		load.check(t)
	})
	t.Run("rolling update", func(t *testing.T) {
		load := r.load(t, host)
		register(t, c, testJob("hello", ns, "v2", 1, host))
		for body := range r.answers(t, host, "v2", 1) {
			if one[body] {
				t.Errorf("%s is the old instance", body)
			}
		}
		// Until the old instance has really gone.
		testwait.Until(t, "only one instance is left", func() bool { return runningInstances(t, c, ns) == 1 })
		load.check(t)
	})
	t.Run("route change", func(t *testing.T) {
		before := r.answers(t, host, "v2", 1)
		register(t, c, testJob("hello", ns, "v2", 1, "moved."+host+"/sub"))
		testwait.Until(t, "the new route is served", func() bool { s, _ := r.get(t, "moved."+host, "/sub/x"); return s == 200 })
		testwait.Until(t, "the old one is not served any more", func() bool { s, _ := r.get(t, host, "/"); return s == 404 })
		if _, body := r.get(t, "moved."+host, "/sub"); !before[body] {
			t.Errorf("a change of route replaced the instance: %s is not of %v", body, before)
		}
	})
	t.Run("stop", func(t *testing.T) {
		if _, _, err := c.Jobs().Deregister("hello", false, &api.WriteOptions{Namespace: ns}); err != nil {
			t.Fatal(err)
		}
		testwait.Until(t, "the route is not served any more", func() bool { s, _ := r.get(t, "moved."+host, "/sub"); return s == 404 })
	})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if log := r.access.String(); strings.Contains(log, `app:"foreign"`) {
		t.Errorf("the foreign job was served:\n%s", log)
	}
}

func scale(t *testing.T, c *api.Client, ns string, count int) {
	t.Helper()
	// Refused while a deployment runs.
	testwait.Until(t, fmt.Sprintf("scaling to %d", count), func() bool {
		_, _, err := c.Jobs().Scale("hello", "web", &count, "", false, nil, &api.WriteOptions{Namespace: ns})
		return err == nil
	})
}

func runningInstances(t *testing.T, c *api.Client, ns string) int {
	t.Helper()
	allocs, _, err := c.Jobs().Allocations("hello", false, &api.QueryOptions{Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range allocs {
		if a.ClientStatus == api.AllocClientStatusRunning {
			n++
		}
	}
	return n
}

func TestSaysWhichPolicyIsMissing(t *testing.T) {
	t.Parallel()
	shared := nomadtest.Agent(t)
	for name, token := range map[string]string{
		"other policy":  nomadtest.Token(t, `node { policy = "read" }`),
		"unknown token": "11111111-1111-1111-1111-111111111111",
	} {
		r := start(t, shared.Address, token)
		testwait.Until(t, name+": the policy in the log", func() bool { return strings.Contains(r.log.String(), `read-job`) })
		if status, body := r.get(t, "127.0.0.1", HealthPath); status != 503 {
			t.Errorf("%s: healthy without a table: %d %s", name, status, body)
		}
	}
}

func TestServesOnWithoutNomad(t *testing.T) {
	t.Parallel()
	shared := nomadtest.Agent(t)
	c, ns := shared.Client, nomadtest.Namespace(t)
	host := "hello." + ns + ".example.com"
	link := newLink(t, strings.TrimPrefix(shared.Address, "http://"))
	r := start(t, "http://"+link.addr, nomadtest.Token(t, policy))
	register(t, c, testJob("hello", ns, "v1", 1, host))
	r.answers(t, host, "v1", 1)

	link.cut()
	testwait.Until(t, "the loss is noticed", func() bool { return strings.Contains(r.log.String(), "nomad does not tell") })
	register(t, c, testJob("hello", ns, "v1", 1, host, "more."+host))
	r.answers(t, host, "v1", 1)
	link.restore(t)
	r.answers(t, "more."+host, "v1", 1)
	if log := r.log.String(); strings.Count(log, "nomad does not tell") != 1 || strings.Count(log, "nomad answers again") != 1 {
		t.Error("the loss and the end of it are not said once each")
	}
	drains(t, r, host)
}

func TestRunNeedsListenerAndNomad(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c, err := api.NewClient(&api.Config{Address: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"no listener":        {Nomad: c},
		"no nomad client":    {Listen: l},
		"accept connections": {Listen: l, Nomad: c, Logger: slog.New(slog.DiscardHandler)},
	} {
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
