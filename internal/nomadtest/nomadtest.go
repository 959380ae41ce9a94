// Package nomadtest gives the tests of all packages one shared Nomad agent
// with ACLs on. `go test ./...` runs packages as processes of their own: the
// first starts the agent, the others join it, and it ends by itself 20 s
// after the last one has gone.
//
//	func TestMain(m *testing.M) { nomadtest.Main(m) }
package nomadtest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/testneed"
	"wadi/nomad/agent"
	"wadi/nomad/agent/flock"
)

// Shared is the agent that all tests share.
type Shared struct {
	Address         string
	ManagementToken string
	Client          *api.Client // with the management token

	using *flock.Lock // held until this process ends
}

// linger is how long the agent stays after its last user.
const linger = 20 * time.Second

// Main runs the tests of a package; call it from TestMain. The shared agent
// is started or joined by the first test that asks for it.
func Main(m *testing.M) {
	if os.Getenv(keeperVar) != "" {
		os.Exit(keep())
	}
	inMain = true
	os.Exit(m.Run())
}

var inMain bool

// Agent joins the shared agent. A machine that cannot run one skips the test
// with the reason; WADI_TEST_REQUIRE=nomad makes that a failure.
func Agent(t testing.TB) *Shared {
	t.Helper()
	if !inMain {
		t.Fatal("nomadtest.Agent needs a TestMain that calls nomadtest.Main")
	}
	b := binary(t)
	joined.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		joined.shared, joined.err = join(ctx, agent.CacheDir(), b, linger)
	})
	if joined.err != nil {
		t.Fatalf("join the shared Nomad agent: %v", joined.err)
	}
	return joined.shared
}

var joined struct {
	sync.Once
	shared *Shared
	err    error
}

// Binary is the path of the Nomad that the tests run; the test is skipped
// where there is none, as by Agent.
func Binary(t testing.TB) string {
	t.Helper()
	return binary(t).Path
}

// binary finds or builds Nomad, once a process.
func binary(t testing.TB) agent.Binary {
	t.Helper()
	found.Do(func() {
		last := agent.Phase("")
		found.binary, found.err = agent.Find(context.Background(), agent.FindOptions{Progress: func(e agent.Event) {
			if e.Phase != last { // a line a phase, shown with -v or on failure
				t.Log(e.Text)
				last = e.Phase
			}
		}})
	})
	switch {
	case found.err == nil:
	case testneed.Required("nomad"):
		t.Fatalf("%s asks for Nomad: %v", testneed.Var, found.err)
	default:
		t.Skipf("no Nomad on this machine: %v", found.err)
	}
	return found.binary
}

var found struct {
	sync.Once
	binary agent.Binary
	err    error
}

// Private starts an agent for this test alone and stops it at its end.
// Binary and StateDir are filled in where they are empty.
func Private(t testing.TB, c agent.Config) *agent.Agent {
	t.Helper()
	if c.Binary == "" {
		c.Binary = binary(t).Path
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a, err := agent.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}
