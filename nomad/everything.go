package nomad

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// NotEverythingError says that a token does not see all of Nomad.
type NotEverythingError struct{ Token string }

func (e *NotEverythingError) Error() string {
	return fmt.Sprintf("%s does not see every namespace of this Nomad: what is used only there would count as garbage", e.Token)
}

// Hint says what to do next.
func (e *NotEverythingError) Hint() string {
	return "set NOMAD_TOKEN to a management token: of any other Nomad leaves out what it may not see, without a word"
}

// noACLs is the accessor of the token that Nomad 1.11 answers where ACLs are
// off: of the type "client", though it may do everything. Those of real tokens
// are UUIDs.
const noACLs = "acls-disabled"

// aclsAreOff says whether an error is what Nomad without ACLs answers to
// whatever is about them.
func aclsAreOff(err error) bool {
	return err != nil && strings.Contains(err.Error(), "ACL support disabled")
}

// CheckSeesEverything is nil where Nomad has no ACLs, or the token is a
// management token. Others cannot be trusted to see all: a list of theirs is
// short, and no error.
func (c *Client) CheckSeesEverything(ctx context.Context) error {
	token, _, err := c.API.ACLTokens().Self(c.query(ctx))
	switch status := StatusOf(err); {
	case aclsAreOff(err):
		return nil
	case err == nil && token.AccessorID == noACLs:
		return nil
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return &NotEverythingError{Token: "the token of NOMAD_TOKEN, or a request without one,"}
	case err != nil:
		return c.wrap("read what the token may", err)
	case token.Type != "management":
		return &NotEverythingError{Token: fmt.Sprintf("the token %q", token.Name)}
	}
	return nil
}

// Spaces are the names of all namespaces that the token sees.
func (c *Client) Spaces(ctx context.Context) ([]string, error) {
	list, _, err := c.API.Namespaces().List(c.query(ctx))
	if err != nil {
		return nil, c.wrap("list the namespaces", err)
	}
	names := make([]string, 0, len(list))
	for _, space := range list {
		names = append(names, space.Name)
	}
	return names, nil
}

// KeptVersions are all versions of a job that Nomad may still start an
// instance of, or that one runs of; none if there is no such job.
func (c *Client) KeptVersions(ctx context.Context, jobID string) ([]*api.Job, error) {
	kept, live, err := c.versions(ctx, jobID)
	if err != nil {
		return nil, err
	}
	for _, job := range kept {
		delete(live, *job.Version)
	}
	for _, id := range live { // of versions that Nomad has forgotten
		alloc, err := c.Allocation(ctx, id)
		if StatusOf(err) == http.StatusNotFound { // meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, alloc.Job)
	}
	return kept, nil
}
