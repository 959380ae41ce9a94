package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"wadi/nomad"
	"wadi/reconcile"
	"wadi/spec"
	"wadi/stage/blob"
	"wadi/stage/lifecycle/bin"
)

// nomadClient is the Nomad of the environment, and the space of the settings.
func (s settings) nomadClient() (*nomad.Client, error) {
	return nomad.New(nomad.Config{Space: s.Space})
}

// connect makes a reconciler for the settings: Nomad answers, the space is
// there, and so is the platform (else *nomad.NoPlatformError).
func (s settings) connect(ctx context.Context, streams Streams, of project) (*reconcile.Reconciler, error) {
	client, err := s.nomadClient()
	if err != nil {
		return nil, err
	}
	if err := client.CheckSpace(ctx); err != nil {
		return nil, err
	}
	return s.reconciler(ctx, client, of, func(text string) { fmt.Fprintln(streams.Err, text) })
}

// connectWithoutStaging is connect for what only looks at apps or stops them:
// it needs no platform.
func (s settings) connectWithoutStaging(ctx context.Context, of project) (*reconcile.Reconciler, error) {
	client, err := s.nomadClient()
	if err != nil {
		return nil, err
	}
	if err := client.CheckSpace(ctx); err != nil {
		return nil, err
	}
	platform, err := client.In(s.PlatformSpace).ReadPlatform(ctx)
	var none *nomad.NoPlatformError
	if err != nil && !errors.As(err, &none) {
		return nil, err
	}
	return &reconcile.Reconciler{Nomad: client, Platform: platform, Options: s.options(ctx, of)}, nil
}

// reconciler does the same for a client whose Nomad answers; tell hears of
// what takes time.
func (s settings) reconciler(ctx context.Context, client *nomad.Client, of project, tell func(string)) (*reconcile.Reconciler, error) {
	platform, err := client.In(s.PlatformSpace).ReadPlatform(ctx)
	if err != nil {
		return nil, err
	}
	// when wadi runs from source it may have to build the lifecycle first
	notice := time.AfterFunc(time.Second, func() { tell("Building the lifecycle, once") })
	life, err := bin.Open(ctx, cacheDir(), runtime.GOARCH)
	notice.Stop()
	if err != nil {
		return nil, err
	}
	return &reconcile.Reconciler{
		Nomad: client, Platform: platform,
		Blobs: &blob.Client{
			URL: platform.BlobURL, Token: func() (string, error) { return platform.BlobToken, nil }, OnSilence: tellSilence(platform.BlobURL, tell),
		},
		Lifecycle: reconcile.Lifecycle{SHA256: life.SHA256, TGZ: life.Path},
		Options:   s.options(ctx, of),
	}, nil
}

// tellSilence says that the blob store has not answered yet, of many requests
// that wait for it once a minute. It may work: on a big blob it does for long.
func tellSilence(url string, tell func(string)) func(op string) {
	var mu sync.Mutex
	var told time.Time
	return func(op string) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(told) < time.Minute {
			return
		}
		told = time.Now()
		tell(fmt.Sprintf("The blob store at %s has not answered yet (%s). Waiting; wadi platform status says how it is", url, op))
	}
}

// options are what the settings say about plans.
func (s settings) options(ctx context.Context, of project) reconcile.Options {
	return reconcile.Options{
		Project: of.name, ProjectNamed: of.named,
		Prune: s.Prune, Adopt: s.Adopt, Restage: s.Restage, ResetCount: s.ResetCount,
		Parallelism: s.Parallelism, Domain: s.Domain, Dir: s.Dir, CacheDir: cacheDir(),
		Who: who(), GitCommit: gitCommit(ctx, s.Project), AllowRawExec: s.AllowRawExec, RefuseRoot: !s.AllowRoot, StagingTimeout: s.StagingTimeout,
		DockerPassword: s.DockerPassword, InsecureRegistries: s.InsecureRegistries,
	}
}

// project scopes removal.
type project struct {
	name  string
	named bool // somebody gave the name
}

// project is that of the files; doc may be nil.
func (s settings) project(doc *spec.Document) project {
	switch {
	case doc != nil && doc.ProjectNamed:
		return project{doc.Project, true}
	case s.ProjectName != "":
		return project{s.ProjectName, true}
	}
	return project{name: "default"}
}

// who runs this, as it is recorded with a revision.
func who() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// gitCommit is the commit that is checked out in dir, "" where there is
// none or no git to ask.
func gitCommit(ctx context.Context, dir string) string {
	cmd := exec.CommandContext(ctx, "git", "-C", dir, "rev-parse", "--verify", "--quiet", "HEAD")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// connectFor is the configuration and the reconciler of a command on named
// apps, or on the project that is here.
func connectFor(cmd *cobra.Command, streams Streams, apps []string) (settings, *reconcile.Reconciler, error) {
	s, err := loadSettings(cmd, nil)
	if err != nil {
		return s, nil, err
	}
	name := ""
	if len(apps) == 0 {
		if name, err = s.projectHere(cmd.Context()); err != nil {
			return s, nil, err
		}
	}
	r, err := s.connect(cmd.Context(), streams, project{name, name != ""})
	return s, r, err
}
