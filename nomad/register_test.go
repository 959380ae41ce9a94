package nomad

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
)

// TestRegisterThatIsSlow hears of its own version, not of the one that Nomad
// went back to before we looked: that one does well.
func TestRegisterThatIsSlow(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	job := func(script string) *api.Job {
		job := shellJob("slow", script)
		job.Type = new(api.JobTypeService)
		g := job.TaskGroups[0]
		g.Count, g.ReschedulePolicy = new(1), nil
		g.Update = &api.UpdateStrategy{
			MaxParallel: new(1), Canary: new(1), AutoPromote: new(true), AutoRevert: new(true), HealthCheck: new("task_states"),
			MinHealthyTime: new(100 * time.Millisecond), HealthyDeadline: new(time.Minute), ProgressDeadline: new(time.Duration(0)),
		}
		return job
	}
	limits := RolloutLimits{Deadline: time.Now().Add(testwait.Patience), NoRoom: testwait.Patience}
	good, err := c.Register(t.Context(), job("exec sleep 1000"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Watch(t.Context(), good, limits, nil); err != nil || v.State != Done {
		t.Fatalf("%+v, %v", v, err)
	}
	if err := c.AwaitStable(t.Context(), good.Job); err != nil {
		t.Fatal(err)
	}
	bad, err := slowClient(t, c, func() bool {
		now, err := c.Job(t.Context(), "slow")
		return err == nil && *now.Version > *good.Job.Version+1
	}).Register(t.Context(), job("exit 4"), *good.Job.JobModifyIndex)
	if err != nil {
		t.Fatal(err)
	}
	if *bad.Job.Version != *good.Job.Version+1 {
		t.Errorf("version %d follows %d", *bad.Job.Version, *good.Job.Version)
	}
	if v, err := c.Watch(t.Context(), bad, limits, nil); err != nil || v.State != Failed || v.Cancelled {
		t.Errorf("%+v, %v", v, err)
	}
}

// slowClient is a client whose line lets it read nothing before a condition
// holds.
func slowClient(t *testing.T, c *Client, until func() bool) *Client {
	t.Helper()
	agent := nomadtest.Agent(t)
	to, err := url.Parse(agent.Address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for end := time.Now().Add(testwait.Patience); r.Method == http.MethodGet && !until() && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(line.Close)
	slow, err := New(Config{Address: line.URL, Token: agent.ManagementToken, Space: c.Space})
	if err != nil {
		t.Fatal(err)
	}
	return slow
}
