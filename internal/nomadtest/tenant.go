package nomadtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/testwait"
)

// cleanupTimeout bounds what a test's end takes: an app has 15 s to end, and
// all that runs beside it takes its time too.
const cleanupTimeout = testwait.Patience

// Namespace makes a namespace of the shared agent for this test. When the
// test ends its jobs are purged, and its variables and itself deleted.
func Namespace(t testing.TB) string {
	t.Helper()
	c := Agent(t).Client
	name := unique()
	if _, err := c.Namespaces().Register(&api.Namespace{Name: name, Description: t.Name()}, nil); err != nil {
		t.Fatalf("make the namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := clear(ctx, c, name); err != nil {
			t.Errorf("clean up after the test: %v", err)
		}
	})
	return name
}

// Token gives an ACL token of the shared agent with that policy (HCL). Both
// are deleted when the test ends.
func Token(t testing.TB, policyHCL string) string {
	t.Helper()
	c := Agent(t).Client
	name := unique()
	policy := &api.ACLPolicy{Name: name, Description: t.Name(), Rules: policyHCL}
	if _, err := c.ACLPolicies().Upsert(policy, nil); err != nil {
		t.Fatalf("make an ACL policy: %v", err)
	}
	token, _, err := c.ACLTokens().Create(&api.ACLToken{Name: name, Type: "client", Policies: []string{name}}, nil)
	if err != nil {
		t.Fatalf("make an ACL token: %v", err)
	}
	t.Cleanup(func() {
		_, err1 := c.ACLTokens().Delete(token.AccessorID, nil)
		_, err2 := c.ACLPolicies().Delete(name, nil)
		if err := errors.Join(err1, err2); err != nil {
			t.Errorf("delete the ACL token: %v", err)
		}
	})
	return token.SecretID
}

func unique() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return "t-" + hex.EncodeToString(b[:])
}

// clear deletes a namespace with all that is in it.
func clear(ctx context.Context, c *api.Client, namespace string) error {
	q := (&api.QueryOptions{Namespace: namespace}).WithContext(ctx)
	w := (&api.WriteOptions{Namespace: namespace}).WithContext(ctx)
	jobs, _, err := c.Jobs().List(q)
	if err != nil {
		return fmt.Errorf("list the jobs of %s: %w", namespace, err)
	}
	for _, j := range jobs {
		if _, _, err := c.Jobs().Deregister(j.ID, false, w); err != nil {
			return fmt.Errorf("stop the job %s: %w", j.ID, err)
		}
	}
	if err := awaitEnd(ctx, c, namespace); err != nil {
		return err
	}
	for _, j := range jobs {
		if _, _, err := c.Jobs().Deregister(j.ID, true, w); err != nil {
			return fmt.Errorf("purge the job %s: %w", j.ID, err)
		}
	}
	vars, _, err := c.Variables().List(q)
	if err != nil {
		return fmt.Errorf("list the variables of %s: %w", namespace, err)
	}
	for _, v := range vars {
		if _, err := c.Variables().Delete(v.Path, w); err != nil {
			return fmt.Errorf("delete the variable %s: %w", v.Path, err)
		}
	}
	if _, err := c.Namespaces().Delete(namespace, w); err != nil {
		return fmt.Errorf("delete the namespace %s: %w", namespace, err)
	}
	return nil
}

// awaitEnd waits until no allocation of the namespace runs.
func awaitEnd(ctx context.Context, c *api.Client, namespace string) error {
	q := (&api.QueryOptions{Namespace: namespace, WaitTime: 10 * time.Second}).WithContext(ctx)
	for {
		allocs, meta, err := c.Allocations().List(q)
		if err != nil {
			return fmt.Errorf("wait for the allocations of %s to end: %w", namespace, err)
		}
		live := 0
		for _, a := range allocs {
			switch a.ClientStatus {
			case api.AllocClientStatusPending, api.AllocClientStatusRunning, api.AllocClientStatusUnknown:
				live++
			}
		}
		if live == 0 {
			return nil
		}
		q.WaitIndex = meta.LastIndex
	}
}
