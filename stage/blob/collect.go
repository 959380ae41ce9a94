package blob

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// MaxCollect is the most bytes of a collection's request and of its report.
const MaxCollect = 64 << 20

// ResultName names a staging result.
type ResultName struct {
	Space string `json:"space"`
	Key   string `json:"key"`
}

// Collect says what a collection has to leave: everything that is not named,
// directly or by a result that stays, and was neither written nor asked for
// in the last Grace goes.
type Collect struct {
	// Digests are of blobs, with all their chunks, and of lifecycles. Others
	// do no harm.
	Digests []string      `json:"digests"`
	Results []ResultName  `json:"results"`
	Grace   time.Duration `json:"grace"`
	// DryRun removes nothing and reports what would go.
	DryRun bool `json:"dry_run"`
}

// Collected is what a collection removed, or would have.
type Collected struct {
	Results    Swept `json:"results"`
	Blobs      Swept `json:"blobs"`
	Chunks     Swept `json:"chunks"`
	Lifecycles Swept `json:"lifecycles"`
	// Items are the results, blobs and lifecycles that went, the oldest
	// first, and not more than MaxCollectedItems of them.
	Items []CollectedItem `json:"items"`
	// Damaged are blobs that stay and cannot be read any more.
	Damaged []string `json:"damaged,omitempty"`
}

// MaxCollectedItems is how many things a report names.
const MaxCollectedItems = 10_000

// Swept counts the things of one kind, with the bytes that they take at rest.
type Swept struct {
	Removed      int   `json:"removed"`
	RemovedBytes int64 `json:"removed_bytes"`
	Kept         int   `json:"kept"`
	KeptBytes    int64 `json:"kept_bytes"`
}

// CollectedItem is one thing that went. Bytes are of its content.
type CollectedItem struct {
	Kind    string    `json:"kind"` // "staging result", "blob", "lifecycle"
	Name    string    `json:"name"`
	Bytes   int64     `json:"bytes"`
	Written time.Time `json:"written"`
}

// collectTimeout bounds a collection: a bucket is listed at some thousand
// things a second.
const collectTimeout = 2 * time.Hour

// Collect removes what nothing refers to. Only the people's token may.
// ErrConflict if a collection is running, or if the server has not been up
// for Grace.
func (c *Client) Collect(ctx context.Context, what Collect) (Collected, error) {
	op := "collect garbage"
	body, err := json.Marshal(what)
	if err != nil {
		return Collected{}, fmt.Errorf("%s: %w", op, err)
	}
	r, err := c.do(ctx, call{op: op, method: http.MethodPost, path: "/v1/collect", body: body, limit: MaxCollect, once: true, timeout: collectTimeout, works: true})
	if err != nil {
		return Collected{}, err
	}
	var out Collected
	if err := json.Unmarshal(r.body, &out); err != nil {
		return Collected{}, fmt.Errorf("%s: the report cannot be read: %w", op, err)
	}
	return out, nil
}
