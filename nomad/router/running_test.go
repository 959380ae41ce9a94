package router

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/testwait"
	"wadi/nomad"
)

// running is a router started by Run.
type running struct {
	addr        string
	log, access *syncBuffer
	client      *http.Client
	stop        func() error
}

// start runs a router on a Nomad with that token; it ends with the test.
func start(t *testing.T, nomadAddr, token string) *running {
	t.Helper()
	c, err := api.NewClient(&api.Config{Address: nomadAddr, SecretID: token})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{addr: l.Addr().String(), log: &syncBuffer{}, access: &syncBuffer{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	log := slog.New(slog.NewTextHandler(io.MultiWriter(r.log, t.Output()), nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{Listen: l, Nomad: c, Logger: log, AccessLog: r.access}) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		r.client.CloseIdleConnections()
		return <-done
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// get asks for a host and path, and gives status and body.
func (r *running) get(t testing.TB, host, path string) (int, string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	res, err := r.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

// answers waits until a route's answers in a row come from n instances, all
// of them with that text.
func (r *running) answers(t *testing.T, host, text string, n int) map[string]bool {
	t.Helper()
	var seen map[string]bool
	testwait.Until(t, fmt.Sprintf("%s is answered by %d instances with %q", host, n, text), func() bool {
		seen = map[string]bool{}
		for range 3 * n {
			status, body := r.get(t, host, "/")
			if status != 200 || !strings.HasPrefix(body, text+" ") {
				return false
			}
			seen[body] = true
		}
		return len(seen) == n
	})
	return seen
}

// testJob is a job as an app's, whose instances answer text.
func testJob(id, namespace, text string, count int, routes ...string) *api.Job {
	self, _ := os.Executable()
	return &api.Job{
		ID: new(id), Name: new(id), Namespace: new(namespace), Type: new("service"), Datacenters: []string{"*"},
		Meta: map[string]string{nomad.MetaOwner: nomad.Owner, nomad.MetaApp: id, nomad.MetaSpace: namespace, nomad.MetaProject: "test"},
		TaskGroups: []*api.TaskGroup{{
			Name: new("web"), Count: new(count), ShutdownDelay: new(2 * time.Second),
			Networks: []*api.NetworkResource{{DynamicPorts: []api.Port{{Label: nomad.PortHTTP}, {Label: nomad.PortHealth}}}},
			Services: []*api.Service{{
				Name: id, Provider: "nomad", PortLabel: nomad.PortHTTP, Tags: nomad.RouteTags(id, routes),
				Checks: []api.ServiceCheck{{Name: "healthy", Type: "http", PortLabel: nomad.PortHealth, Path: "/healthy", Interval: time.Second, Timeout: time.Second}},
			}},
			Update: &api.UpdateStrategy{
				MaxParallel: new(1), Canary: new(1), AutoPromote: new(true), AutoRevert: new(false), HealthCheck: new("checks"),
				MinHealthyTime: new(time.Second), HealthyDeadline: new(time.Minute), ProgressDeadline: new(2 * time.Minute),
			},
			RestartPolicy:    &api.RestartPolicy{Attempts: new(0), Mode: new("fail")},
			ReschedulePolicy: &api.ReschedulePolicy{Attempts: new(0), Unlimited: new(false)},
			EphemeralDisk:    &api.EphemeralDisk{SizeMB: new(10)},
			Tasks: []*api.Task{{
				Name: "app", Driver: "raw_exec", Config: map[string]any{"command": self}, KillSignal: "SIGTERM",
				Env: map[string]string{appVar: text}, Resources: &api.Resources{CPU: new(20), MemoryMB: new(64)},
				LogConfig: &api.LogConfig{MaxFiles: new(1), MaxFileSizeMB: new(1)},
			}},
		}},
	}
}

func register(t *testing.T, c *api.Client, job *api.Job) {
	t.Helper()
	if _, _, err := c.Jobs().Register(job, &api.WriteOptions{Namespace: *job.Namespace}); err != nil {
		t.Fatalf("register %s: %v", *job.ID, err)
	}
}
