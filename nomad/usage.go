package nomad

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Usage is what an instance uses now: cpu in percent of a core and resident
// memory in bytes. Both are 0 where its node cannot tell.
func (c *Client) Usage(ctx context.Context, allocID string) (cpuPercent float64, memory uint64) {
	var stats api.AllocResourceUsage
	if _, err := c.API.Raw().Query("/v1/client/allocation/"+allocID+"/stats", &stats, c.query(ctx)); err != nil || stats.ResourceUsage == nil {
		return 0, 0
	}
	if s := stats.ResourceUsage.CpuStats; s != nil {
		cpuPercent = s.Percent
	}
	if s := stats.ResourceUsage.MemoryStats; s != nil {
		memory = max(s.RSS, s.Usage)
	}
	return cpuPercent, memory
}

// NextStart is when Nomad starts a failed instance anew; nil where it says no
// time, or that time is over.
func (c *Client) NextStart(ctx context.Context, a *api.AllocationListStub) *time.Time {
	if a.FollowupEvalID == "" {
		return nil
	}
	eval, _, err := c.API.Evaluations().Info(a.FollowupEvalID, c.query(ctx))
	if err != nil || eval.Status != api.EvalStatusPending || eval.WaitUntil.Before(time.Now()) {
		return nil
	}
	return new(eval.WaitUntil.UTC().Truncate(time.Second))
}

// Healthy says whether all checks of an instance pass now, and if not, what
// the first failing one answered.
func (c *Client) Healthy(ctx context.Context, allocID string) (healthy bool, output string) {
	var checks api.AllocCheckStatuses
	if _, err := c.API.Raw().Query("/v1/client/allocation/"+allocID+"/checks", &checks, c.query(ctx)); err != nil {
		return false, err.Error()
	}
	for _, id := range slices.Sorted(maps.Keys(checks)) {
		if checks[id].Status != "success" {
			return false, reasonOf(checks[id].Output)
		}
	}
	return len(checks) > 0, ""
}

// reasonOf is the supervisor's own words in the answer of its health port.
// Anything else is Nomad's failure to reach that port, which tells nobody
// more than that.
func reasonOf(output string) string {
	var health struct {
		State, Reason string
	}
	if json.Unmarshal([]byte(output), &health) == nil && health.State != "" {
		return strings.TrimSuffix(health.State+": "+health.Reason, ": ")
	}
	return "its supervisor has not answered yet"
}

// TaskFile reads a small file of a task's folder. It needs the capability
// read-fs.
func (c *Client) TaskFile(ctx context.Context, allocID, task, name string) ([]byte, error) {
	q := c.query(ctx)
	q.Params = map[string]string{"path": task + "/local/" + name}
	body, err := c.API.Raw().Response("/v1/client/fs/cat/"+allocID, q)
	if err != nil {
		return nil, c.wrap("read "+name+" of instance "+short(allocID), err)
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, 1<<20))
}
