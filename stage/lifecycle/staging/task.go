package staging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wadi/stage/blob"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/proc"
)

// task is one staging.
type task struct {
	input
	host    *proc.Host
	out     *output
	client  *blob.Client
	steps   *steps
	folders folders
}

// newTask reads what the task is told, and makes the process what buildpacks
// may be started from.
func newTask(stdout, stderr io.Writer) (*task, error) {
	in, err := loadInput(os.Getenv)
	if err != nil {
		return nil, err
	}
	if err := proc.Protect(in.taskDir, string(in.secrets), os.Getenv("NOMAD_ALLOC_DIR"), in.user); err != nil {
		return nil, err
	}
	// Whatever the node's own are: the same input makes the same droplet.
	syscall.Umask(0o022)
	if _, err := proc.LimitFiles(); err != nil {
		return nil, err
	}
	t := &task{steps: newSteps(time.Now), input: in, folders: foldersOf(in.taskDir, in.container)}
	if in.user != nil {
		in.user.Private = t.folders.private
	}
	if t.host, err = proc.NewHost(in.user); err != nil {
		return nil, err
	}
	if t.out, err = newOutput(filepath.Join(in.taskDir, "staging.log"), stdout, stderr, in.user); err != nil {
		return nil, err
	}
	t.client = &blob.Client{URL: in.BlobURL, Token: in.secrets.Identity}
	return t, nil
}

// stage makes and uploads the droplet, or finds out what there is to know of
// an image.
func (t *task) stage(ctx context.Context) (lifecycle.Result, error) {
	if t.Image != nil {
		t.steps.begin("asking for the image")
		return t.inspect(ctx)
	}
	t.steps.begin("preparing")
	if err := t.makeDirs(); err != nil {
		return lifecycle.Result{}, err
	}
	defer t.removeCache()
	buildpacks, err := t.fetchAll(ctx)
	if err != nil {
		return lifecycle.Result{}, err
	}
	t.steps.begin("the buildpacks")
	meta, err := t.build(ctx, buildpacks)
	if err != nil {
		return lifecycle.Result{}, err
	}
	t.steps.begin("uploading the droplet")
	droplet, err := t.uploadDroplet(ctx)
	if err != nil {
		return lifecycle.Result{}, err
	}
	t.steps.begin("uploading the build cache")
	return lifecycle.Result{
		Generation: t.Generation, Droplet: droplet.Digest, DropletSize: droplet.Size,
		StagedAt: time.Now().Unix(), Inputs: t.inputs(), Cache: t.uploadCache(ctx), DropletMetadata: meta,
	}, nil
}

// fetchAll puts everything in its place that a build needs.
func (t *task) fetchAll(ctx context.Context) ([]builder.Buildpack, error) {
	t.steps.begin("downloading the app package")
	if err := t.fetchPackage(ctx); err != nil {
		return nil, err
	}
	t.steps.begin("downloading buildpacks")
	buildpacks, err := t.fetchBuildpacks(ctx)
	if err != nil {
		return nil, err
	}
	bindings, err := t.Files()
	if err != nil {
		return nil, err
	}
	if err := proc.WriteFiles(t.folders.bindings, bindings, t.user); err != nil {
		return nil, err
	}
	t.steps.begin("downloading the build cache")
	return buildpacks, t.fetchCache(ctx)
}

// build makes the droplet in its folder.
func (t *task) build(ctx context.Context, buildpacks []builder.Buildpack) (lifecycle.DropletMetadata, error) {
	oom := proc.NewOOMCounter()
	meta, err := builder.Build(ctx, builder.Config{
		Host: t.host, Env: t.environment(t.folders.home, t.folders.tmp, t.folders.bindings), Dir: t.folders.home,
		BuildDir: t.folders.app, ContentsDir: t.folders.contents, CacheDir: t.folders.cache,
		Buildpacks: buildpacks, SkipDetect: t.SkipDetect,
		Stdout: t.out.Stdout, Stderr: t.out.Stderr,
	})
	if err != nil {
		if oom.Killed() {
			err = fmt.Errorf("%w (out of memory: the staging has %d MB, raise the app's memory)", err, t.MemoryMB)
		}
		return meta, err
	}
	if oom.Killed() { // by a buildpack that does not look at how its programs end
		fmt.Fprintf(t.out.Stderr, "Warning: a program of the buildpacks was killed, out of memory (the staging has %d MB): raise the app's memory if something is missing\n", t.MemoryMB)
	}
	if err := builder.WriteJSON(filepath.Join(t.folders.contents, lifecycle.MetadataName), meta); err != nil {
		return meta, fmt.Errorf("writing what the droplet says of itself: %w", err)
	}
	// What buildpacks left running would write into the droplet.
	if err := t.host.KillAll(); err != nil {
		return meta, err
	}
	return meta, t.folders.assemble()
}

// inputs are the blobs that the droplet is made of.
func (t *task) inputs() []string {
	all := []string{t.Package}
	for _, ref := range t.Buildpacks {
		if ref.Blob != "" {
			all = append(all, ref.Blob)
		}
	}
	return all
}

func (t *task) uploadDroplet(ctx context.Context) (blob.Blob, error) {
	fmt.Fprintln(t.out.Stdout, "Uploading droplet...")
	droplet, _, err := t.uploadDir(ctx, t.folders.contents)
	if err != nil {
		fmt.Fprintln(t.out.Stdout, "Uploading failed")
		return blob.Blob{}, fmt.Errorf("uploading the droplet: %w", err)
	}
	fmt.Fprintf(t.out.Stdout, "Uploaded droplet (%s)\n", lifecycle.FormatSize(droplet.Size))
	fmt.Fprintln(t.out.Stdout, "Uploading complete")
	return droplet, nil
}

// finish stores the log and then, last of all, the result.
func (t *task) finish(ctx context.Context, result lifecycle.Result, stdout io.Writer) error {
	t.steps.begin("storing the result")
	if _, err := t.out.log.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("uploading the staging log: %w", err)
	}
	log, _, err := t.client.Upload(ctx, t.out.log, nil)
	if err != nil {
		return fmt.Errorf("uploading the staging log: %w", err)
	}
	result.Log = log.Digest
	body, err := json.Marshal(result)
	if err != nil {
		return err
	}
	err = t.client.PutResult(ctx, t.Space, t.StagingKey, t.Generation, body)
	if errors.Is(err, blob.ErrConflict) {
		fmt.Fprintln(stdout, "Another staging of the same input has finished first; its droplet is used.")
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing the staging result: %w", err)
	}
	return nil
}
