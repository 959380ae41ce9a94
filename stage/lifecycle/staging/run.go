package staging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"wadi/stage/blob"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/proc"
)

// Run is `lifecycle stage`. It returns the exit code of the task: 0, that of
// Cloud Foundry's builder, 143 when it was stopped, or 1.
func Run(stdout, stderr *os.File) int {
	out, errs := proc.NewLastWords(stdout, "stdout", os.Getenv), proc.NewLastWords(stderr, "stderr", os.Getenv)
	defer errs.Await()
	defer out.Await()
	return run(out, errs)
}

func run(stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	in, err := loadInput(os.Getenv)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if err := proc.Protect(in.taskDir, in.secretsDir, os.Getenv("NOMAD_ALLOC_DIR"), in.user); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	// Whatever the node's own are: the same input makes the same droplet.
	syscall.Umask(0o022)
	if _, err := proc.LimitFiles(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	folders := foldersOf(in.taskDir, in.container)
	if in.user != nil {
		in.user.Private = folders.private
	}
	host, err := proc.NewHost(in.user)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	log, err := newOutput(filepath.Join(in.taskDir, "staging.log"), stdout, stderr, in.user)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	spent := newSteps(time.Now)
	t := &task{steps: spent, input: in, host: host, out: log, client: &blob.Client{URL: in.BlobURL, Token: in.token}, folders: folders}
	timed, cancel := context.WithTimeoutCause(ctx, in.timeout(), &TimeoutError{After: in.timeout(), spent: spent})
	defer cancel()
	result, err := t.stage(timed)
	err = errors.Join(err, host.KillAll())
	code := 0
	if err != nil {
		log.CloseStdout()
		code = report(timed, log.Stderr, err)
	}
	log.Close()
	if err != nil {
		return code
	}
	if err := t.finish(timed, result, stdout); err != nil {
		return report(timed, stderr, err)
	}
	return 0
}

// TimeoutError is a staging that took too long.
type TimeoutError struct {
	After time.Duration
	spent *steps
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("exceeded %s timeout (%s): make the build smaller, or give it more time (wadi apply --staging-timeout)", e.After, e.spent)
}

// task is one staging.
type task struct {
	input
	host   *proc.Host
	out    *output
	client *blob.Client
	steps  *steps

	folders folders
}

// stage makes and uploads the droplet, or finds out what there is to know of
// an image.
func (t *task) stage(ctx context.Context) (lifecycle.Result, error) {
	var none lifecycle.Result
	if t.Image != nil {
		t.steps.begin("asking for the image")
		return t.inspect(ctx)
	}
	t.steps.begin("preparing")
	if err := t.makeDirs(); err != nil {
		return none, err
	}
	defer t.removeCache()
	t.steps.begin("downloading the app package")
	if err := t.fetchPackage(ctx); err != nil {
		return none, err
	}
	t.steps.begin("downloading buildpacks")
	buildpacks, err := t.fetchBuildpacks(ctx)
	if err != nil {
		return none, err
	}
	bindings, err := t.Files()
	if err != nil {
		return none, err
	}
	if err := proc.WriteFiles(t.folders.bindings, bindings, t.user); err != nil {
		return none, err
	}
	t.steps.begin("downloading the build cache")
	if err := t.fetchCache(ctx); err != nil {
		return none, err
	}
	t.steps.begin("the buildpacks")
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
		return none, err
	}
	if oom.Killed() { // by a buildpack that does not look at how its programs end
		fmt.Fprintf(t.out.Stderr, "Warning: a program of the buildpacks was killed, out of memory (the staging has %d MB): raise the app's memory if something is missing\n", t.MemoryMB)
	}
	if err := builder.WriteJSON(filepath.Join(t.folders.contents, lifecycle.MetadataName), meta); err != nil {
		return none, fmt.Errorf("writing what the droplet says of itself: %w", err)
	}
	// What buildpacks left running would write into the droplet.
	if err := t.host.KillAll(); err != nil {
		return none, err
	}
	if err := t.folders.assemble(); err != nil {
		return none, err
	}
	t.steps.begin("uploading the droplet")
	droplet, err := t.uploadDroplet(ctx)
	if err != nil {
		return none, err
	}
	t.steps.begin("uploading the build cache")
	return lifecycle.Result{
		Generation: t.Generation, Droplet: droplet.Digest, DropletSize: droplet.Size,
		StagedAt: time.Now().Unix(), Inputs: t.inputs(), Cache: t.uploadCache(ctx), DropletMetadata: meta,
	}, nil
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

// report prints why staging failed and says with which code it ends.
func report(ctx context.Context, stderr io.Writer, err error) int {
	code := 1
	var failed *builder.Error
	var late *TimeoutError
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &late): // whatever step it met
		err, code = late, lifecycle.ExitStagingTimeout
	case cause != nil:
		fmt.Fprintln(stderr, "staging was stopped")
		return 128 + int(syscall.SIGTERM)
	case errors.As(err, &failed):
		code = failed.Code
	}
	fmt.Fprintln(stderr, explain(err))
	fmt.Fprintf(stderr, "Exit status %d\n", code)
	return code
}

// explain adds what to do about a blob store that says no.
func explain(err error) string {
	switch {
	case errors.Is(err, blob.ErrUnauthorized):
		return err.Error() + ": the blob store refused the identity of this task: it has to verify tokens with the Nomad cluster that this task runs on (wadi platform status)"
	case errors.Is(err, blob.ErrFull):
		return err.Error() + ": free some space (wadi gc) or give the blob store a bigger disk, then apply again"
	case errors.Is(err, blob.ErrNotFound):
		return err.Error() + ": apply the app again, which uploads what is missing"
	}
	return err.Error()
}
