package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
	"wadi/nomad"
)

// Patience with the platform's own jobs, which only start a program.
const (
	platformDeadline = time.Minute
	platformNoRoom   = 10 * time.Second
)

// platformOptions say how the platform is to run.
type platformOptions struct {
	Program    string // our own program
	BinDir     string // keeps the copy of it that the jobs run
	Data       string // the blob store's folder; "" = as it is, else below DefaultDir
	Store      string // an S3 URL instead; "" = as it is
	S3         s3Credentials
	DefaultDir string // where data goes if nothing was said
	BlobPort   int    // 0 = as it is, else the default or the next free one
	RouterPort int
}

// platformApplied is what came of it.
type platformApplied struct {
	Platform nomad.Platform
	Data     string
	Changed  bool
}

// platformApply makes the platform's jobs run on an agent on this machine
// and waits until both are healthy. It writes nothing if they already are as
// they should be. The client's space is the platform's.
func platformApply(ctx context.Context, client *nomad.Client, o platformOptions, tell func(string)) (platformApplied, error) {
	if !client.Loopback() {
		return platformApplied{}, withHint(
			fmt.Errorf("the platform cannot be put on the Nomad at %s: that is not supported yet for one on another machine", client.Address()),
			"its jobs run a copy of this program and keep blobs in a folder, both on this machine's disk, and listen on 127.0.0.1: run this where the agent runs, with NOMAD_ADDR=http://127.0.0.1:4646")
	}
	if err := client.CheckSpace(ctx); err != nil {
		return platformApplied{}, err
	}
	now, err := observePlatform(ctx, client)
	if err != nil {
		return platformApplied{}, err
	}
	place, err := now.place(client, o)
	if err != nil {
		return platformApplied{}, err
	}
	if place.Operator, err = operatorSum(ctx, client, now.Jobs[nomad.BlobStoreJobID]); err != nil {
		return platformApplied{}, err
	}
	jobs, err := place.jobs()
	if err != nil {
		return platformApplied{}, err
	}
	if o.Store != "" {
		if err := checkStore(ctx, o.Store, o.S3); err != nil {
			return platformApplied{}, err
		}
	}
	out := platformApplied{Data: place.keeps(), Platform: nomad.Platform{
		BlobURL:   "http://" + loopback(place.BlobPort),
		BlobToken: now.Platform.BlobToken,
		RouterURL: "http://" + loopback(place.RouterPort),
	}}
	if out.Platform.BlobToken == "" {
		if out.Platform.BlobToken, err = newToken(); err != nil {
			return platformApplied{}, err
		}
	}
	if running := storeKeyOf(now.Jobs[nomad.BlobStoreJobID]); running != place.StoreKey {
		if err := writeStoreCredentials(ctx, client, o.S3, running); err != nil {
			return platformApplied{}, err
		}
	}
	out.Changed, err = now.bringUp(ctx, client, out.Platform, jobs, tell)
	if err != nil {
		return out, now.settle(ctx, client, out.Platform, err)
	}
	return out, nil
}

// bringUp writes where the platform is to be, registers its jobs and waits
// until they answer there. It says whether anything was to be changed.
func (n platformNow) bringUp(ctx context.Context, client *nomad.Client, to nomad.Platform, jobs []*api.Job, tell func(string)) (bool, error) {
	moved := to != n.Platform
	if moved {
		// before the jobs: the blob store's reads its token there
		if err := client.WritePlatform(ctx, to); err != nil {
			return true, err
		}
	}
	began := time.Now()
	registered, err := registerPlatform(ctx, client, jobs, n, tell)
	if err != nil {
		return moved || registered, err
	}
	return moved || registered, waitForPlatform(ctx, client, to, began)
}

// platformNow is the platform as it is. Jobs are nil where there are none.
type platformNow struct {
	Platform nomad.Platform
	Jobs     map[string]*api.Job
	Running  map[string]bool
}

func observePlatform(ctx context.Context, client *nomad.Client) (platformNow, error) {
	now := platformNow{Jobs: map[string]*api.Job{}, Running: map[string]bool{}}
	var err error
	if now.Platform, err = readPlatform(ctx, client); err != nil {
		return now, err
	}
	for _, id := range []string{nomad.BlobStoreJobID, nomad.RouterJobID} {
		job, err := client.Job(ctx, id)
		if err != nil {
			return now, err
		}
		if job == nil {
			continue
		}
		if job.Meta[nomad.MetaOwner] != nomad.PlatformOwner {
			return now, withHint(fmt.Errorf("job %q in space %q is not wadi's", id, client.Space), "rename or stop that job, or give the platform another space: --platform-space")
		}
		now.Jobs[id] = job
		if now.Running[id], err = jobRuns(ctx, client, id); err != nil {
			return now, err
		}
	}
	return now, nil
}

// place decides where everything is: as it was, unless told otherwise.
func (n platformNow) place(client *nomad.Client, o platformOptions) (platformPlace, error) {
	p := platformPlace{NomadAddr: client.Address(), JWKSURL: client.JWKSURL(), Data: o.Data, Store: o.Store, StoreKey: o.S3.key()}
	job := n.Jobs[nomad.BlobStoreJobID]
	if p.Data == "" && p.Store == "" {
		p.Data, p.Store, p.StoreKey = argOf(job, "--data"), argOf(job, "--store"), storeKeyOf(job)
	}
	if p.Data == "" && p.Store == "" {
		p.Data = filepath.Join(o.DefaultDir, "blobstore")
	}
	var err error
	if p.BlobPort, err = choosePort(portWish{
		What: "the blob store", Flag: "--blobstore-port", Given: o.BlobPort, Default: 8470,
		Kept: portOf(n.Platform.BlobURL), Ours: n.Running[nomad.BlobStoreJobID],
	}, portFree); err != nil {
		return p, err
	}
	if p.RouterPort, err = choosePort(portWish{
		What: "the router", Flag: "--router-port", Given: o.RouterPort, Default: 8080,
		Kept: portOf(n.Platform.RouterURL), Ours: n.Running[nomad.RouterJobID],
	}, func(port int) bool { return port != p.BlobPort && portFree(port) }); err != nil {
		return p, err
	}
	p.Binary, err = keepBinary(o.Program, o.BinDir)
	return p, err
}

// registerPlatform registers the jobs that differ from what runs, and waits
// for all that do not run yet.
func registerPlatform(ctx context.Context, client *nomad.Client, jobs []*api.Job, now platformNow, tell func(string)) (bool, error) {
	var changed []*api.Job
	for _, job := range jobs {
		plan, err := client.PlanJob(ctx, job)
		if err != nil {
			return false, err
		}
		if now.Jobs[*job.ID] == nil || plan.Diff == nil || plan.Diff.Type != "None" || !now.Running[*job.ID] {
			changed = append(changed, job)
		}
	}
	if len(changed) == 0 {
		return false, nil
	}
	if err := client.AllowRouter(ctx); err != nil {
		return false, err
	}
	// both to their end, whatever comes of the other: only then it is known
	// what each of them runs with
	var group sync.WaitGroup
	errs := make([]error, len(changed))
	for i, job := range changed {
		index := uint64(0)
		if old := now.Jobs[*job.ID]; old != nil {
			index = *old.JobModifyIndex
		}
		group.Go(func() { errs[i] = startPlatformJob(ctx, client, job, index, tell) })
	}
	group.Wait()
	if errors.Is(context.Cause(ctx), ErrInterrupted) {
		return true, ErrInterrupted
	}
	return true, errors.Join(errs...)
}

func startPlatformJob(ctx context.Context, client *nomad.Client, job *api.Job, index uint64, tell func(string)) error {
	reg, err := client.Register(ctx, job, index)
	if err != nil {
		return err
	}
	limits := nomad.RolloutLimits{Deadline: time.Now().Add(platformDeadline), NoRoom: platformNoRoom,
		// Nomad goes on restarting it; a program that ends by itself will not
		// be better for it
		Fatal: func(code int) string { return fmt.Sprintf("ended with exit status %d", code) }}
	verdict, err := client.Watch(ctx, reg, limits, func(v nomad.Verdict) {
		if v.State == nomad.Waiting {
			tell(*job.ID + ": " + v.Reason)
		}
	})
	if err != nil {
		return err
	}
	if verdict.State == nomad.Done {
		tell(*job.ID + ": healthy")
		return nil
	}
	return withHint(fmt.Errorf("job %s does not come up: %s%s", *job.ID, verdict.Reason, lastLines(ctx, client, job, verdict.Alloc)),
		"%s; see `wadi platform status`, or `nomad job status -namespace %s %s`", whatStays(ctx, client, reg, verdict), client.Space, *job.ID)
}

// lastLines are the last log lines of a platform job's instance, below the
// error that they explain.
func lastLines(ctx context.Context, client *nomad.Client, job *api.Job, alloc *api.AllocationListStub) string {
	if alloc == nil {
		return ""
	}
	var log bytes.Buffer
	// what writes a task's log may be behind its end
	for end := time.Now().Add(2 * time.Second); ; {
		// what cannot be read explains nothing; the error itself stands
		if err := client.TailLog(ctx, alloc.ID, job.TaskGroups[0].Tasks[0].Name, nomad.Stderr, 2000, &log); err != nil {
			return ""
		}
		if log.Len() > 0 {
			break
		}
		if time.Now().After(end) || sleep.For(ctx, 100*time.Millisecond) != nil {
			return ""
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}

// operatorSum is the sha256 of the operators' token, which is made where there
// is none. Who may not read it leaves the job with the one that it has.
func operatorSum(ctx context.Context, client *nomad.Client, job *api.Job) (string, error) {
	token, err := client.ReadOperatorToken(ctx)
	var none *nomad.NoOperatorTokenError
	switch {
	case errors.As(err, &none) && none.Forbidden && argOf(job, operatorFlag) != "":
		return argOf(job, operatorFlag), nil
	case errors.As(err, &none) && !none.Forbidden:
		if token, err = newToken(); err == nil {
			err = client.WriteOperatorToken(ctx, token)
		}
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(token))), nil
}

func newToken() (string, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make a token for the blob store: %w", err)
	}
	return hex.EncodeToString(b), nil
}
