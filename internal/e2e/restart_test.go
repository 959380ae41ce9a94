package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
	"wadi/nomad/agent"
)

// TestAgentRestarts: after a restart of an agent that is server and client in
// one, the platform and the apps come back by themselves, from what Nomad and
// the blob store kept. (Such an agent fails its own allocations first: it asks
// the server in it to register their services before that answers.)
func TestAgentRestarts(t *testing.T) {
	t.Parallel()
	a := nomadtest.Private(t, agent.Config{ACL: true, Persist: true})
	p := newPlatformOn(t, &nomadtest.Shared{Address: a.Address, ManagementToken: a.Token}, "default")
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("index.html", "first")
	write("wadi.hcl", "project = \"restart\"\n\napp \"restart\" {\n  routes = [\"restart.localhost\"]\n  memory = \"64M\"\n}\n")
	p.wadi(t, "apply", "--auto-approve", dir)
	if body := p.ask(t, "restart.localhost"); body != "first" {
		t.Fatalf("the app answers %q", body)
	}
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body := p.ask(t, "restart.localhost"); body != "first" {
		t.Errorf("after the restart the app answers %q", body)
	}
	write("index.html", "second")
	p.wadi(t, "apply", "--auto-approve", dir)
	if body := p.ask(t, "restart.localhost"); body != "second" {
		t.Errorf("after the next apply the app answers %q", body)
	}
	p.wadi(t, "destroy", "--auto-approve", dir)
}

// ask asks the router for the root of a host until it answers 200.
func (p *platform) ask(t *testing.T, host string) string {
	t.Helper()
	answer := "nothing"
	testwait.For(func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.router+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := web.Do(req)
		if err != nil {
			return false
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return false
		}
		answer = string(body)
		return true
	})
	return answer
}
