package nomad

import (
	"context"
	"net/http"
	"slices"

	"github.com/hashicorp/nomad/api"
)

// History is what Nomad remembers of a job beside its instances.
type History struct {
	Versions    []*api.Job // newest first; Nomad keeps six
	Deployments []*api.Deployment
}

// History reads the versions and deployments of a job; both are empty where
// Nomad has forgotten it.
func (c *Client) History(ctx context.Context, jobID string) (History, error) {
	var h History
	versions, _, _, err := c.API.Jobs().Versions(jobID, false, c.query(ctx))
	if err != nil && StatusOf(err) != http.StatusNotFound {
		return h, c.wrap("list the versions of job "+jobID, err)
	}
	h.Versions = versions
	h.Deployments, _, err = c.API.Jobs().Deployments(jobID, false, c.query(ctx))
	if err != nil && StatusOf(err) != http.StatusNotFound {
		return h, c.wrap("list the deployments of job "+jobID, err)
	}
	return h, nil
}

// failed is the version of the job that was registered at an index, if its
// deployment has failed.
func (h History) failed(index uint64) *api.Job {
	if !slices.ContainsFunc(h.Deployments, func(d *api.Deployment) bool {
		return d.JobSpecModifyIndex == index && d.Status == api.DeploymentStatusFailed
	}) {
		return nil
	}
	for _, v := range h.Versions {
		if *v.JobModifyIndex == index {
			return v
		}
	}
	return nil
}
