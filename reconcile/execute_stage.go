package reconcile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sync/errgroup"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// uploadLifecycle gives the blob store the binary that Nomad fetches for
// every task.
func (r *Reconciler) uploadLifecycle(ctx context.Context) error {
	has, err := r.Blobs.HasLifecycle(ctx, r.Lifecycle.SHA256)
	if err != nil || has {
		return err
	}
	f, err := os.Open(r.Lifecycle.TGZ)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.Blobs.PutLifecycle(ctx, r.Lifecycle.SHA256, f)
}

// upload sends what the blob store lacks of the package and of buildpacks
// that are no built-in ones. Buildpacks come first: one that cannot be had
// costs no upload.
func (u *run) upload(ctx context.Context) error {
	if err := u.settle(ctx); err != nil || u.known() {
		return err
	}
	p := u.plan.work.pinned
	trees, err := u.fetchBuildpacks(ctx)
	if err != nil {
		return err
	}
	b, err := u.uploadTree(ctx, p.Tree, lifecycle.AppFolder)
	if err != nil {
		return err
	}
	u.pkg = b.Digest
	for i, pack := range p.Buildpacks {
		ref := lifecycle.BuildpackRef{Key: pack.Key, Name: pack.Name, Builtin: pack.Builtin}
		if trees[i] != nil {
			if b, err = u.uploadTree(ctx, trees[i], ""); err != nil {
				return fmt.Errorf("buildpack %s: %w", pack.Key, err)
			}
			ref.Blob = b.Digest
		}
		u.packs = append(u.packs, ref)
	}
	return nil
}

// fetchBuildpacks gets the buildpacks that lie on servers, in parallel.
func (u *run) fetchBuildpacks(ctx context.Context) ([]*stage.Tree, error) {
	packs := u.plan.work.pinned.Buildpacks
	trees := make([]*stage.Tree, len(packs))
	group, ctx := errgroup.WithContext(ctx)
	for i, pack := range packs {
		if pack.Builtin != "" {
			continue
		}
		if pack.Remote != nil {
			what := pack.Key
			if pack.Digest != "" { // else the plan could not reach it
				what += " at " + shortDigest(pack.Digest)
			}
			u.say(PhaseUpload, "fetching buildpack %s", what)
		}
		group.Go(func() (err error) {
			trees[i], err = u.plan.work.of.buildpacks.Fetch(ctx, pack)
			return err
		})
	}
	return trees, group.Wait()
}

// uploadTree sends a tree, below a folder of its stream ("" = none), once for
// all apps that have the same just now: side by side, each would be told that
// what the others are sending is missing.
func (u *run) uploadTree(ctx context.Context, tree *stage.Tree, below string) (blob.Blob, error) {
	return u.plan.work.of.uploads.do(tree.Digest+" "+below, u.plan.App, func() (blob.Blob, error) { return u.send(ctx, tree, below) }, func(app string) {
		u.say(PhaseUpload, "app %s has the same files: its upload is this one's too", app)
	})
}

// send sends a tree as it is uploaded.
func (u *run) send(ctx context.Context, tree *stage.Tree, below string) (blob.Blob, error) {
	p := tree.Package(below)
	total, err := p.Size()
	if err != nil {
		return blob.Blob{}, err
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(p.Write(ctx, pw)) }()
	b, _, err := u.r.Blobs.Upload(ctx, pr, func(now blob.Progress) {
		u.tell(Event{Phase: PhaseUpload, Progress: &Progress{Read: now.Read, Total: total, Uploaded: now.Uploaded, Reused: now.Reused, Sent: now.Sent}})
	})
	pr.CloseWithError(errors.New("upload ended")) // ends a writer that still waits
	return b, err
}

// stage makes the droplet, once for all apps of the plan that have the same.
func (u *run) stage(ctx context.Context) error {
	w := u.plan.work
	result, err := w.of.stagings.do(w.sharedKey(), u.plan.App, func() (lifecycle.Result, error) { return u.stageOnce(ctx) }, func(app string) {
		u.say(PhaseStaging, "app %s has the same image: its staging is this one's too", app)
	})
	if err != nil {
		return err
	}
	return u.staged(result)
}

// stageOnce makes the droplet: by a staging job of its own, or by one that an
// interrupted apply left running for the same key. If that one has ended since
// the plan was made, while this apply waited for the lock, its droplet is there.
func (u *run) stageOnce(ctx context.Context) (lifecycle.Result, error) {
	w := u.plan.work
	var none lifecycle.Result
	if err := u.settle(ctx); err != nil {
		return none, err
	}
	if u.known() {
		u.say(PhaseStaging, "this was staged before: using what came of it")
		return *w.is.Result, nil
	}
	id, err := u.runningStaging(ctx)
	if err != nil {
		return none, err
	}
	staged, result := "source", "that droplet"
	if w.want.App.Docker != nil {
		staged, result = "image", "what that found out"
	}
	if id != "" {
		u.say(PhaseStaging, "a staging of this %s is running already: following it", staged)
	} else if known, err := u.r.stagingResult(ctx, w.pinned.StagingKey); err == nil && known.Result != nil && known.Generation >= w.generation {
		u.say(PhaseStaging, "this %s was staged since the plan was made: using %s", staged, result)
		return *known.Result, nil
	} else if id, err = u.startStaging(ctx); err != nil {
		return none, err
	}
	if id, err = u.followToEnd(ctx, id); err != nil {
		return none, err
	}
	if err := u.cleanStaging(ctx, id); err != nil {
		return none, err
	}
	known, err := u.r.stagingResult(ctx, w.pinned.StagingKey)
	switch {
	case err != nil:
		return none, fmt.Errorf("staging succeeded, its result cannot be read: %w", err)
	case known.Gone && known.Generation >= w.generation:
		return none, &lostError{What: "the droplet that staging made", Damaged: known.Damaged}
	case known.Result == nil || known.Generation < w.generation:
		return none, fmt.Errorf("staging job %s ended well but left no result", id)
	}
	return *known.Result, nil
}

// staged takes up what a staging has found out.
func (u *run) staged(result lifecycle.Result) error {
	u.result = result
	if u.plan.work.want.App.Docker == nil {
		return nil
	}
	return u.plan.work.agreed(result.Image)
}

func (u *run) startStaging(ctx context.Context) (string, error) {
	w := u.plan.work
	id := blob.StagingJobID(w.want.ID, w.pinned.StagingKey, strings.ToLower(rand.Text()[:8]))
	input := lifecycle.Staging{
		BlobURL: u.r.Blobs.URL, Space: u.r.Nomad.Space, App: w.want.App.Name,
		StagingKey: w.pinned.StagingKey, Generation: w.generation,
		Package: u.pkg, Buildpacks: u.packs, SkipDetect: w.pinned.SkipDetect, Stack: w.want.StackName,
		MemoryMB: w.pinned.MemoryMB, DiskMB: w.pinned.DiskMB, TimeoutS: int(u.r.stagingTimeout() / time.Second), Env: w.want.App.Env,
		Cache:           u.cache(),
		VCAPApplication: w.who.vcapForStaging(w.pinned.MemoryMB, w.pinned.DiskMB), Services: services(w.want.App, w.want.Bindings),
	}
	if input.Env == nil {
		input.Env = map[string]string{}
	}
	bindings := w.want.Bindings
	if w.want.App.Docker != nil {
		input, bindings = u.imageInput(input), nil
	}
	files := append(credentials(bindings), imageCredentials(w.want.Login)...)
	if _, err := u.r.Nomad.WriteVariable(ctx, nomad.VariablePath(id), nomad.Variable{
		Items: map[string]string{nomad.StagingKeyItem: string(mustJSON(input))}}); err != nil {
		return "", err
	}
	job := nomad.StagingJob(nomad.Staging{
		ID: id, App: w.want.App.Name, Project: u.r.Options.Project, Space: u.r.Nomad.Space,
		Placement: u.r.stagingPlacement(w.want), Lifecycle: u.r.lifecycle(), Credentials: files, MemoryMB: w.pinned.MemoryMB, DiskMB: w.pinned.DiskMB,
	})
	if err := u.r.Nomad.RunBatch(ctx, job); err != nil {
		return "", errors.Join(err, u.cleanStaging(ctx, id)) // or its Variable stays, with the env
	}
	return id, nil
}

// cache is what the last staging left for the next. A staging that was asked
// for anew starts without: the cache may be what went wrong.
func (u *run) cache() string {
	if u.r.Options.Restage {
		return ""
	}
	w := u.plan.work
	return w.is.Record.cache(w.want.StackName)
}

// runningStaging is a live staging job of this app and key, "" if there is
// none. One for another key, whose apply was killed, is ended.
func (u *run) runningStaging(ctx context.Context) (string, error) {
	jobs, err := u.stagings(ctx)
	if err != nil {
		return "", err
	}
	w := u.plan.work
	for _, job := range jobs {
		_, key, _, _ := blob.ParseStagingJobID(job.ID)
		if job.Status != "dead" && strings.HasPrefix(w.pinned.StagingKey, key) && w.is.Generation == 0 && !u.afresh() {
			return job.ID, nil
		}
		if err := u.cleanStaging(ctx, job.ID); err != nil {
			return "", err
		}
	}
	return "", nil
}

// sweep removes what stagings of this app left that were killed: env is in
// their Variables. With all, also those that run.
func (u *run) sweep(ctx context.Context, all bool) error {
	jobs, err := u.stagings(ctx)
	if err != nil {
		return err
	}
	live := map[string]bool{}
	for _, job := range jobs {
		if job.Status != "dead" && !all {
			live[nomad.VariablePath(job.ID)] = true
		} else if err := u.cleanStaging(ctx, job.ID); err != nil {
			return err
		}
	}
	paths, err := u.r.Nomad.ListVariables(ctx, nomad.VariablePath(blob.StagingJobPrefix(u.plan.Job)))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if live[path] {
			continue
		}
		if err := u.r.Nomad.DeleteVariable(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// stagings are the staging jobs of this app, dead ones too.
func (u *run) stagings(ctx context.Context) ([]*api.JobListStub, error) {
	jobs, err := u.r.Nomad.OwnedJobs(ctx)
	return slices.DeleteFunc(jobs, func(job *api.JobListStub) bool {
		app, _, _, ok := blob.ParseStagingJobID(job.ID)
		return !ok || app != u.plan.Job
	}), err
}

// cleanStaging removes a staging job and its Variable, whatever became of ctx.
func (u *run) cleanStaging(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := u.r.Nomad.PurgeJob(ctx, id); err != nil {
		return err
	}
	return u.r.Nomad.DeleteVariable(ctx, nomad.VariablePath(id))
}

// followStaging streams the log of a staging job as it happens and waits for
// its end. If ctx ends first, or the staging should have, the job is stopped.
func (u *run) followStaging(ctx context.Context, id string) error {
	limit := u.r.stagingTimeout()
	timed, cancel := context.WithTimeout(ctx, limit+stagingSlack(limit))
	defer cancel()
	ended, err := u.watchStaging(timed, id)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		err = u.overdue(ctx, id)
	}
	if err != nil {
		if e := u.cleanStaging(ctx, id); e != nil {
			return errors.Join(err, e)
		}
		return err
	}
	state := ended.TaskStates[nomad.StagingTask]
	if state != nil && !state.Failed && ended.ClientStatus == api.AllocClientStatusComplete {
		return nil
	}
	failure := stagingFailure(ended, limit)
	if err := u.cleanStaging(ctx, id); err != nil {
		return err
	}
	return failure
}

// watchStaging streams a staging job's log until its task has ended, and
// answers its instance then. Nomad starts one anew whose node was lost, and no
// other.
func (u *run) watchStaging(ctx context.Context, id string) (*api.Allocation, error) {
	var lost []string
	for {
		alloc, err := u.r.waitPlaced(ctx, id, "to stage", lost...)
		if err != nil {
			return nil, err
		}
		ended, err := u.streamStaging(ctx, alloc)
		if err != nil || ended.ClientStatus != api.AllocClientStatusLost {
			return ended, err
		}
		lost = append(lost, alloc)
		u.say(PhaseStaging, "node %s was lost: staging again on another", ended.NodeName)
	}
}

// waitPlaced waits until a batch job has an instance that is none of those
// which were lost, or the scheduler says that there is no room for what it is
// to do.
func (r *Reconciler) waitPlaced(ctx context.Context, id, what string, lost ...string) (alloc string, err error) {
	began := time.Now()
	for {
		allocs, err := r.Nomad.Allocations(ctx, id)
		if err != nil {
			return "", err
		}
		for _, a := range allocs {
			if !slices.Contains(lost, a.ID) {
				return a.ID, nil
			}
		}
		if time.Since(began) > noRoomPatience {
			why, err := r.Nomad.WhyNotPlaced(ctx, id, "")
			if err != nil {
				return "", err
			}
			return "", fmt.Errorf("no room %s: %s", what, why)
		}
		if err := sleep.For(ctx, 100*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// streamStaging tells what an instance of a staging job writes until that has
// ended, and answers the instance then.
func (u *run) streamStaging(ctx context.Context, alloc string) (*api.Allocation, error) {
	writer := func(stderr bool) *lineWriter {
		return &lineWriter{line: func(text string) {
			text = overwritten(text)
			u.tail.add(text, stderr)
			u.tell(Event{Phase: PhaseStaging, Log: &LogLine{Source: "STG/0", Stderr: stderr, Text: text}})
		}}
	}
	stdout, stderr := writer(false), writer(true)
	output := u.r.Nomad.TaskOutput(alloc, nomad.StagingTask)
	output.Last = func(code int) string {
		if code == 0 {
			return "" // it has stored its log by then
		}
		return lifecycle.ExitStatus
	}
	ended, err := output.Copy(ctx, stdout, stderr)
	stdout.flush()
	stderr.flush()
	var lost *nomad.LostOutputError
	if errors.As(err, &lost) {
		u.say(PhaseStaging, "part of the log is not shown: it came faster than it could be read, and Nomad keeps 100 MB of it")
		err = nil
	}
	return ended, err
}

// overwritten is what a terminal shows of a line in the end: a program that
// counts up to 100 % begins it again each time.
func overwritten(line string) string { return line[strings.LastIndexByte(line, '\r')+1:] }
