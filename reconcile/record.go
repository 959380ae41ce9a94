package reconcile

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"wadi/stage/lifecycle"
)

// recordItem is the key of an app's record Variable.
const recordItem = "record"

// record is what wadi remembers of an app: nothing that plan may not read.
type record struct {
	Version   int              `json:"version"`
	App       string           `json:"app"`
	Project   string           `json:"project"`
	Revisions []revisionRecord `json:"revisions"` // oldest first
}

// revisionRecord is one version that was deployed, or tried.
type revisionRecord struct {
	Number     int    `json:"number"`
	Key        string `json:"key"`
	Package    string `json:"package"`
	StagingKey string `json:"staging_key"`
	Generation int    `json:"generation"`
	Droplet    string `json:"droplet"`
	// ImageMetadata is what was known of the image then: a plan that cannot
	// ask its registry goes on with it.
	ImageMetadata *lifecycle.ImageMetadata `json:"image_metadata,omitempty"`

	// StackImage is what the stack's image was, with its digest.
	StackImage string `json:"stack_image,omitempty"`

	StagedAt  int64  `json:"staged_at"`
	Buildpack string `json:"buildpack,omitempty"`
	Cache     string `json:"cache,omitempty"` // blob digest of the build cache
	// Pins are the commits and digests of buildpacks that lie on servers, by
	// keyed digests of what they are called and where they lie.
	Pins map[string]string `json:"pins,omitempty"`
	// Facts are what a plan compares, in words; Env are keyed digests.
	Facts map[string]string `json:"facts"`
	Env   map[string]string `json:"env"`

	Who       string    `json:"who,omitempty"`
	When      time.Time `json:"when"`
	GitCommit string    `json:"git_commit,omitempty"`
	State     string    `json:"state"` // "deploying", "deployed", "failed"
	Reason    string    `json:"reason,omitempty"`
}

// facts are what a plan compares. The ports of an image stand in its metadata.
func (r revisionRecord) facts() map[string]string {
	if r.ImageMetadata == nil {
		return r.Facts
	}
	out := map[string]string{}
	maps.Copy(out, r.Facts)
	out[portsFact] = describePorts(r.ImageMetadata)
	return out
}

// States of a revision.
const (
	stateDeploying = "deploying"
	stateDeployed  = "deployed"
	stateFailed    = "failed"
)

// maxRecordBytes keeps a record below Nomad's limit for a Variable.
const maxRecordBytes = 48 * 1024

func parseRecord(items map[string]string) (record, error) {
	text, ok := items[recordItem]
	if !ok {
		return record{Version: 1}, nil
	}
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return record{}, fmt.Errorf("the app's record cannot be read: %w", err)
	}
	if r.Version != 1 {
		return record{}, fmt.Errorf("the app's record has version %d; this wadi knows version 1: use a newer one", r.Version)
	}
	return r, nil
}

// items is the record as its Variable holds it, without as many of the
// oldest revisions as it takes to stay below the limit.
func (r record) items() map[string]string {
	for {
		text := mustJSON(r)
		if len(text) <= maxRecordBytes || len(r.Revisions) <= 1 {
			return map[string]string{recordItem: string(text)}
		}
		r.Revisions = r.Revisions[1:]
	}
}

// byKey is the newest revision with the key.
func (r record) byKey(key string) (revisionRecord, bool) {
	for i := len(r.Revisions) - 1; i >= 0; i-- {
		if key != "" && r.Revisions[i].Key == key {
			return r.Revisions[i], true
		}
	}
	return revisionRecord{}, false
}

// cache is the newest build cache that a staging of the app left, on the
// same stack as Cloud Foundry keeps it; "" = none.
func (r record) cache(stack string) string {
	for i := len(r.Revisions) - 1; i >= 0; i-- {
		if rev := r.Revisions[i]; rev.Cache != "" && rev.Facts["stack"] == stack {
			return rev.Cache
		}
	}
	return ""
}

// with is the record with one more revision, or with the newest one told
// anew if it has the same key. The receiver stays as it is.
func (r record) with(rev revisionRecord) record {
	out := r
	out.Revisions = append([]revisionRecord(nil), r.Revisions...)
	rev.Facts, rev.Env = maps.Clone(rev.Facts), maps.Clone(rev.Env)
	rev.Number = 1
	if n := len(out.Revisions); n > 0 {
		last := out.Revisions[n-1]
		rev.Number = last.Number + 1
		if last.Key == rev.Key {
			rev.Number = last.Number
			out.Revisions[n-1] = rev
			return out
		}
	}
	out.Revisions = append(out.Revisions, rev)
	return out
}

// latestFailed says whether the newest revision did not come up.
func (r record) latestFailed() bool {
	n := len(r.Revisions)
	return n > 0 && r.Revisions[n-1].State == stateFailed
}

// kept are the newest revisions, and those that jobs still name by their keys.
func (r record) kept(newest int, used map[string]bool) []revisionRecord {
	var out []revisionRecord
	for i, rev := range r.Revisions {
		if i >= len(r.Revisions)-newest || used[rev.Key] {
			out = append(out, rev)
		}
	}
	return out
}

func (r record) isLatest(key string) bool {
	n := len(r.Revisions)
	return n > 0 && r.Revisions[n-1].Key == key
}
