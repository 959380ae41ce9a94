package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// routerPolicy is the name of the ACL policy of the space's router.
func (c *Client) routerPolicy() string { return "wadi-router-" + c.Space }

// AllowRouter lets the router's identity see the instances of every space.
// Nomad without ACLs needs no such policy.
func (c *Client) AllowRouter(ctx context.Context) error {
	rules, err := c.routerRules(ctx)
	if err != nil {
		return err
	}
	policy := &api.ACLPolicy{
		Name:        c.routerPolicy(),
		Description: "lets wadi's router find the instances it routes to",
		Rules:       rules,
		JobACL:      &api.JobACL{Namespace: c.Space, JobID: RouterJobID},
	}
	_, err = c.API.ACLPolicies().Upsert(policy, c.write(ctx))
	if aclsAreOff(err) {
		return nil
	}
	err = c.wrap("attach the ACL policy "+policy.Name+" to job "+RouterJobID, err)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		refused.hint = "the platform is applied with a management token (NOMAD_TOKEN)"
	}
	return err
}

// routerRules names each namespace beside all of them: a policy of somebody
// else for all jobs of one namespace would win over the rule for all.
func (c *Client) routerRules(ctx context.Context) (string, error) {
	spaces, _, err := c.API.Namespaces().List(c.query(ctx))
	if err != nil {
		return "", c.wrap("list the namespaces", err)
	}
	names := []string{"*"}
	for _, space := range spaces {
		names = append(names, space.Name)
	}
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "namespace %q {\n  capabilities = [\"read-job\"]\n}\n", name)
	}
	return b.String(), nil
}

// RemoveRouterPolicy undoes AllowRouter.
func (c *Client) RemoveRouterPolicy(ctx context.Context) error {
	_, err := c.API.ACLPolicies().Delete(c.routerPolicy(), c.write(ctx))
	if aclsAreOff(err) || StatusOf(err) == http.StatusNotFound {
		return nil
	}
	return c.wrap("delete the router's ACL policy", err)
}
