package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"wadi/nomad"
	"wadi/stage/blob"
)

// Roots are what the blob store has to keep: what Nomad's jobs and wadi's
// records refer to.
type Roots struct {
	Spaces  []string
	Apps    int // with a record
	Jobs    int
	Digests []string
	Results []blob.ResultName
}

// rootReads is how many jobs or records are read at a time.
const rootReads = 8

// FindRoots reads all spaces of a Nomad for what is referred to: by any
// version of a job that Nomad keeps, by what its instances start with, by
// stagings and tasks under way, and by the last revisions of every app. What
// cannot be read is an error: it might be the one that refers. client has to
// see everything (*nomad.NotEverythingError).
func FindRoots(ctx context.Context, client *nomad.Client, revisions int) (Roots, error) {
	if err := client.CheckSeesEverything(ctx); err != nil {
		return Roots{}, err
	}
	spaces, err := client.Spaces(ctx)
	if err != nil {
		return Roots{}, err
	}
	f := &rootFinder{revisions: revisions, digests: map[string]bool{}, results: map[blob.ResultName]bool{}}
	for _, space := range spaces {
		if err := f.space(ctx, client.In(space)); err != nil {
			// one that was deleted meanwhile refers to nothing
			if now, e := client.Spaces(ctx); e == nil && !slices.Contains(now, space) {
				continue
			}
			return Roots{}, err
		}
	}
	slices.Sort(spaces)
	return Roots{
		Spaces: spaces, Apps: f.apps, Jobs: f.jobs, Digests: slices.Sorted(maps.Keys(f.digests)),
		Results: slices.SortedFunc(maps.Keys(f.results), func(a, b blob.ResultName) int {
			return strings.Compare(a.Space+"/"+a.Key, b.Space+"/"+b.Key)
		}),
	}, nil
}

// rootFinder gathers roots from several readers.
type rootFinder struct {
	revisions int

	mu         sync.Mutex
	apps, jobs int
	digests    map[string]bool
	results    map[blob.ResultName]bool
}

// space reads one space: every job of ours, and every app that has a record,
// whose job Nomad may have forgotten.
func (f *rootFinder) space(ctx context.Context, client *nomad.Client) error {
	records, err := client.ListVariables(ctx, nomad.RecordPath(""))
	if err != nil {
		return err
	}
	jobs, err := client.OwnedJobs(ctx)
	if err != nil {
		return err
	}
	inputs, err := client.ListVariables(ctx, nomad.VariablePath("wadi_"))
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, path := range records {
		ids[strings.TrimPrefix(path, nomad.RecordPath(""))] = true
	}
	for _, job := range jobs {
		ids[job.ID] = true
	}
	for _, path := range inputs { // of stagings and tasks that are about to be registered
		ids[strings.TrimPrefix(path, nomad.VariablePath(""))] = true
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(rootReads)
	for id := range ids {
		group.Go(func() error { return f.job(ctx, client, id) })
	}
	return group.Wait()
}

// job reads all that is known of a job.
func (f *rootFinder) job(ctx context.Context, client *nomad.Client, id string) error {
	versions, err := client.KeptVersions(ctx, id)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, job := range versions {
		used[nomad.RevisionKey(job)] = true
		text, err := json.Marshal(job)
		if err != nil {
			return fmt.Errorf("read job %s in space %s: %w", id, client.Space, err)
		}
		f.add(string(text))
	}
	secret, err := client.ReadVariable(ctx, nomad.VariablePath(id))
	if err != nil {
		return err
	}
	for _, item := range secret.Items {
		f.add(item)
	}
	v, err := client.ReadVariable(ctx, nomad.RecordPath(id))
	if err != nil {
		return err
	}
	rec, err := parseRecord(v.Items)
	if err != nil {
		return fmt.Errorf("app %s in space %s: %w", id, client.Space, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(versions) > 0 {
		f.jobs++
	}
	if v.Index > 0 {
		f.apps++
	}
	for _, rev := range rec.kept(f.revisions, used) {
		f.results[blob.ResultName{Space: client.Space, Key: rev.StagingKey}] = true
		f.digests[rev.Droplet], f.digests[rev.Cache] = true, true
	}
	delete(f.digests, "") // no cache
	return nil
}

// anyDigest is what may name a blob. The formats that refer to blobs change;
// that they name them so does not. What is no blob's name does no harm.
var anyDigest = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func (f *rootFinder) add(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range anyDigest.FindAllString(text, -1) {
		f.digests[d] = true
	}
}
