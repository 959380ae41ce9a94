package build

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"wadi/internal/remove"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
)

// Exit codes beside those of the builder's own errors.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitOptions = 3
	exitCredHub = 4
	exitStopped = 128 + int(syscall.SIGTERM)
)

// Main is `lifecycle build`; it returns the exit code. The built-in buildpacks
// call the lifecycle, which is this program, or a subcommand of it.
func Main(args []string, stdout, stderr *os.File, subcommand ...string) int {
	o, err := parse(args, stderr)
	o.subcommand = subcommand
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return exitUsage
	case err != nil:
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	if err := launch.CheckPlatformOptions(os.Getenv); err != nil {
		fmt.Fprintln(stderr, err)
		if errors.Is(err, launch.ErrCredHub) {
			return exitCredHub
		}
		return exitOptions
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	err = run(ctx, o, stdout, stderr)
	var failed *builder.Error
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "the build was stopped")
		return exitStopped
	}
	fmt.Fprintln(stderr, err)
	if errors.As(err, &failed) {
		return failed.Code
	}
	return exitFailed
}

// ends are the signals that end a build: those that the caller does not have
// ignored, as nohup does.
func ends() []os.Signal {
	return slices.DeleteFunc([]os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, signal.Ignored)
}

// job is one build.
type job struct {
	options
	host           *proc.Host
	contents       string // becomes the droplet
	stdout, stderr *os.File
}

func run(ctx context.Context, o options, stdout, stderr *os.File) error {
	contents, err := makeFolders(o)
	if err != nil {
		return &builder.Error{Code: exitFailed, Msg: "Failed to set up filesystem when generating droplet", Err: err}
	}
	err = build(ctx, job{options: o, contents: contents, stdout: stdout, stderr: stderr})
	return errors.Join(err, remove.All(contents))
}

func build(ctx context.Context, j job) error {
	builtins, err := os.MkdirTemp("", "buildpacks")
	if err != nil {
		return err
	}
	err = buildWith(ctx, j, builtins)
	return errors.Join(err, remove.All(builtins))
}

// buildWith builds; the built-in buildpacks of the order are written to the
// folder builtins.
func buildWith(ctx context.Context, j job, builtins string) error {
	// Git runs before there is a host, which waits for every child.
	buildpacks, err := j.options.buildpacks(ctx, builtins, j.stdout)
	if err != nil {
		return err
	}
	if j.host, err = proc.NewHost(nil); err != nil {
		return err
	}
	err = j.build(ctx, buildpacks)
	return errors.Join(err, j.host.KillAll())
}

func makeFolders(o options) (contents string, err error) {
	if _, err := os.ReadDir(o.buildDir); err != nil { // or every buildpack runs in vain
		return "", fmt.Errorf("the app: %w", err)
	}
	for _, dir := range []string{filepath.Dir(o.outputDroplet), filepath.Dir(o.outputMetadata), o.cacheDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp("", "contents")
}

func (j *job) build(ctx context.Context, buildpacks []builder.Buildpack) error {
	meta, err := builder.Build(ctx, builder.Config{
		Host: j.host, Env: environment(), BuildDir: j.buildDir, ContentsDir: j.contents, CacheDir: j.cacheDir,
		Buildpacks: buildpacks, SkipDetect: j.skipDetect, Stdout: j.stdout, Stderr: j.stderr,
	})
	if ctx.Err() == nil && len(meta.LifecycleMetadata.Buildpacks) > 0 {
		// also of a build that failed: it says which buildpack did
		if writeErr := builder.WriteJSON(j.outputMetadata, meta); writeErr != nil {
			err = errors.Join(err, fmt.Errorf("writing the result: %w", writeErr))
		}
	}
	if err != nil {
		return err
	}
	// What buildpacks left running would write into the droplet.
	if err := j.host.KillAll(); err != nil {
		return err
	}
	return j.pack(ctx)
}

func (j *job) pack(ctx context.Context) error {
	droplet := tree{dir: j.contents, app: j.buildDir}
	if err := droplet.write(ctx, j.outputDroplet, j.compression); err != nil {
		return &builder.Error{Code: exitFailed, Msg: "Failed to compress droplet filesystem", Err: err}
	}
	cache := tree{dir: j.cacheDir}
	if err := cache.write(ctx, j.outputCache, j.compression); err != nil {
		return &builder.Error{Code: exitFailed, Msg: "Failed to compress build artifacts", Err: err}
	}
	return nil
}

// environment is the caller's, with the DATABASE_URL that VCAP_SERVICES asks
// for.
func environment() []string {
	env := os.Environ()
	if uri := launch.DatabaseURL(os.Getenv("VCAP_SERVICES")); uri != "" {
		env = slices.DeleteFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "DATABASE_URL=") })
		env = append(env, "DATABASE_URL="+uri)
	}
	return env
}
