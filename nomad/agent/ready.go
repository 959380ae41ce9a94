package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/nomad/api"
)

// poll is how often an agent that comes up is asked: there is nothing to
// wait on before it listens.
const poll = 25 * time.Millisecond

// bringUp starts the agent's process and waits until it can run a task.
//
// A persistent agent starts twice. In its first seconds a new server has no
// key to sign the node's identity with; the client that registers then tries
// again only after 15 to 30 s. So the server first makes its key alone.
func (a *Agent) bringUp(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.config.Persist {
		if err := a.run(ctx, true, a.hasKey); err != nil {
			return err
		}
		a.proc.interrupt(ctx)
	}
	return a.run(ctx, false, a.ready)
}

// run starts the process and asks check until it is satisfied.
func (a *Agent) run(ctx context.Context, noClient bool, check func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r := &a.slot.record
	s := settings{
		Dir: a.Dir, LogLevel: a.config.LogLevel, Ports: r.Ports,
		ACL: a.config.ACL, Persist: a.config.Persist, NoClient: noClient,
	}
	s.MinPort, s.MaxPort = a.slot.ports.limits()
	file := filepath.Join(a.Dir, "agent.hcl")
	if err := os.WriteFile(file, []byte(s.hcl()), 0o600); err != nil {
		return fmt.Errorf("write the agent's configuration: %w", err)
	}
	args := []string{"agent", "-config=" + file}
	if !a.config.Persist {
		args = append(args, "-dev")
	}
	p, err := spawn(a.config, r.ID, args)
	if err != nil {
		return err
	}
	a.proc = p
	if r.Process, err = identify(p.pid); err != nil {
		// It ended at once; the wait below says so.
		r.Process = processID{PID: p.pid}
	}
	if err := a.slot.write(); err != nil {
		return err
	}
	return await(ctx, p, check)
}

// await asks check until it has no objection.
func await(ctx context.Context, p *process, check func() error) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil { // select would take its turn with the ticks
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended by itself: %w", exitError(p.err))
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// hasKey says whether the server has made the key it signs identities with.
func (a *Agent) hasKey() error {
	var keys struct {
		Keys []struct {
			KeyID string `json:"kid"`
		} `json:"keys"`
	}
	if _, err := a.client.Raw().Query("/.well-known/jwks.json", &keys, nil); err != nil {
		return err
	}
	if len(keys.Keys) == 0 {
		return errors.New("the server has no key yet")
	}
	return nil
}

// ready says whether the agent can run a task: leader, token, node, driver.
func (a *Agent) ready() error {
	leader, err := a.client.Status().Leader()
	if err != nil {
		return err
	}
	if leader == "" {
		return errors.New("no leader yet")
	}
	if a.config.ACL && a.Token == "" {
		token, _, err := a.client.ACLTokens().Bootstrap(nil)
		if err != nil {
			return err
		}
		a.Token = token.SecretID
		a.client.SetSecretID(a.Token)
	}
	health, err := a.client.Agent().Health()
	if err != nil {
		return err
	}
	if health.Client == nil || !health.Client.Ok {
		return errors.New("the client is not healthy yet")
	}
	nodes, _, err := a.client.Nodes().List(nil)
	if err != nil {
		return err
	}
	return nodeReady(nodes)
}

// nodeReady says what is missing until raw_exec tasks can be placed.
func nodeReady(nodes []*api.NodeListStub) error {
	if len(nodes) == 0 {
		return errors.New("the node has not registered yet")
	}
	n := nodes[0]
	if n.Status != api.NodeStatusReady {
		return fmt.Errorf("the node is %s", n.Status)
	}
	d := n.Drivers["raw_exec"]
	switch {
	case d == nil:
		return errors.New("the node has no raw_exec driver yet")
	case !d.Healthy:
		return fmt.Errorf("the raw_exec driver is not healthy: %s", d.HealthDescription)
	}
	return nil
}
