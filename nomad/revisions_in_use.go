package nomad

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"
)

var templateKey = regexp.MustCompile(`index \. "([^"]+)"`)

// Keys are the keys of the app's Variable that a job's instances start with,
// sorted, without RoutesKey. Together they name a revision.
func Keys(job *api.Job) []string {
	var keys []string
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			for _, tmpl := range t.Templates {
				if tmpl.EmbeddedTmpl == nil {
					continue
				}
				if m := templateKey.FindStringSubmatch(*tmpl.EmbeddedTmpl); m != nil && m[1] != RoutesKey {
					keys = append(keys, m[1])
				}
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// RevisionKey is the one name of all Keys of a job; "" if the job is none
// that LRPJob made.
func RevisionKey(job *api.Job) string { return strings.Join(Keys(job), "+") }

// KeysInUse are the keys of an app's Variable that instances may start with.
type KeysInUse struct {
	// Live are those of live instances, of the job as it is, and of the
	// version that Nomad goes back to. Without its key such an instance dies
	// when its agent restarts.
	Live map[string]bool
	// Kept are those of all versions that Nomad keeps, Live included.
	Kept map[string]bool
	// Logins are the keys of the logins of all versions that Nomad keeps.
	Logins map[string]bool
}

// KeysInUse finds the keys of the app's Variable that are still named.
func (c *Client) KeysInUse(ctx context.Context, jobID string) (KeysInUse, error) {
	used := KeysInUse{Live: map[string]bool{}, Kept: map[string]bool{}, Logins: map[string]bool{}}
	versions, live, err := c.versions(ctx, jobID)
	if err != nil {
		return used, err
	}
	stable := false
	for i, job := range versions {
		_, runs := live[*job.Version]
		delete(live, *job.Version)
		back := !stable && job.Stable != nil && *job.Stable
		stable = stable || back
		used.add(job, i == 0 || runs || back)
	}
	for _, id := range live { // of versions that Nomad has forgotten
		alloc, err := c.Allocation(ctx, id)
		if err != nil {
			return used, err
		}
		used.add(alloc.Job, true)
	}
	return used, nil
}

// versions are those that Nomad keeps, newest first, and an instance of each
// version that one runs of. Both are empty if there is no such job.
func (c *Client) versions(ctx context.Context, jobID string) (kept []*api.Job, live map[uint64]string, err error) {
	kept, _, _, err = c.API.Jobs().Versions(jobID, false, c.query(ctx))
	if err != nil && StatusOf(err) != http.StatusNotFound {
		return nil, nil, c.wrap("list the versions of job "+jobID, err)
	}
	allocs, err := c.Allocations(ctx, jobID)
	if err != nil {
		return nil, nil, err
	}
	live = map[uint64]string{}
	for _, stub := range allocs {
		if !terminal(stub.ClientStatus) {
			live[stub.JobVersion] = stub.ID
		}
	}
	return kept, live, nil
}

func (k KeysInUse) add(job *api.Job, live bool) {
	if key := LoginKey(job); key != "" {
		k.Logins[key] = true
	}
	for _, key := range Keys(job) {
		k.Kept[key] = true
		if live {
			k.Live[key] = true
		}
	}
}
