package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"wadi/internal/cli/watch"
	"wadi/nomad"
	"wadi/nomad/agent"
	"wadi/nomad/agent/flock"
	"wadi/spec"
)

func newDev(streams Streams) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "dev [PATH]",
		Short: "Run a folder's apps on a Nomad of their own",
		Long: `Run a folder's apps on a Nomad of their own: find Nomad or build it (once, some
minutes), start an agent on this machine, put the platform on it, apply PATH
(the working directory if there is none), and ask every route. Then show how
the apps are and what they write until Ctrl-C, which stops everything that was
started. Nothing is left but the cache.

Meanwhile every change of the apps' files (as far as .cfignore lets them count)
and of the files that describe the apps is applied, half a second after it was
saved. What ran before goes on until the new version is up; if that fails it
stays, and the next change is another try. An app that leaves the files is
stopped.

A folder without wadi.hcl and manifest.yml is one app of the folder's name.

Nomad is $WADI_NOMAD, else nomad on PATH, else ` + agent.Pinned + ` built from source. The
variables NOMAD_ADDR, NOMAD_TOKEN and so on do not matter here.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d := &dev{streams: streams, steps: newSteps(streams.Err), asked: map[string]string{}}
			d.load = func() (settings, error) {
				s, err := loadSettings(cmd, args)
				// nothing else runs on this Nomad: what is not in the files
				// has left them
				s.Space, s.PlatformSpace, s.Prune = "default", "default", true
				return s, err
			}
			return d.run(cmd.Context(), once)
		},
	}
	addFlags(cmd, keyApp, keyVar, keyVarsFile, keyParallelism, keyDomain, keyStagingLimit)
	cmd.Flags().BoolVar(&once, "once", false, "end as soon as every route was asked")
	return cmd
}

// stopPatience is how long the end of everything may take.
const stopPatience = 40 * time.Second

// dev is one run of `wadi dev`.
type dev struct {
	streams Streams
	steps   *steps
	load    func() (settings, error) // they may change, as a file has them too
	agent   *agent.Agent

	watcher *watch.Watcher // nil with --once
	sources watch.Set      // of the files as they were right last
	dir     string         // the working directory, links resolved
	warned  string         // the warnings that were printed last
	asked   map[string]string
	ran     bool // something was applied
	behind  bool // what runs is not what the files say

	mu    sync.Mutex // of what is written once the apps run
	lines *logWriter
}

func (d *dev) run(ctx context.Context, once bool) error {
	if err := forgetNomad(); err != nil {
		return err
	}
	if !once {
		d.watcher = watch.New(watch.Options{Polling: func(why error) {
			d.say("Looking for changes by reading the folders again and again: %v", why)
		}})
		defer d.watcher.Close()
	}
	// before anything that takes time
	s, doc, err := d.read(ctx)
	if err != nil {
		return err
	}
	if d.dir, err = filepath.EvalSymlinks(s.Dir); err != nil {
		return fmt.Errorf("find the working directory: %w", err)
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	err = d.serve(ctx, s, doc, once)
	d.steps.say("stop", "Stopping Nomad and everything on it")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if stopErr := d.agent.Stop(stop); stopErr != nil {
		return errors.Join(err, stopErr)
	}
	d.steps.end("Stopped.")
	return err
}

// forgetNomad takes the variables of Nomad's clients out of the environment:
// they are about another Nomad than the one that is started here.
func forgetNomad() error {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "NOMAD_") {
			if err := os.Unsetenv(name); err != nil {
				return fmt.Errorf("take %s out of the environment: %w", name, err)
			}
		}
	}
	return nil
}

// start finds Nomad and starts the agent.
func (d *dev) start(ctx context.Context) error {
	cache := cacheDir()
	records := agent.RecordDir(cache)
	if err := agent.Sweep(ctx, records); err != nil {
		return err
	}
	binary, err := agent.Find(ctx, agent.FindOptions{CacheDir: cache, Progress: func(e agent.Event) {
		d.steps.say(string(e.Phase), e.Text)
	}})
	if err != nil {
		return err
	}
	d.steps.say("start", fmt.Sprintf("Starting Nomad %s (%s)", strings.TrimPrefix(binary.Version, "v"), binary.Path))
	d.agent, err = agent.Start(ctx, agent.Config{Binary: binary.Path, StateDir: records})
	return err
}

// serve puts the platform and the apps on the agent, asks their routes, and
// follows the files.
func (d *dev) serve(ctx context.Context, s settings, doc *spec.Document, once bool) error {
	client, err := nomad.New(nomad.Config{Address: d.agent.Address, Space: s.Space})
	if err != nil {
		return err
	}
	if err := d.platform(ctx, client); err != nil {
		return err
	}
	r, err := s.reconciler(ctx, client, s.project(doc), func(text string) { d.steps.say("lifecycle", text) })
	if err != nil {
		return err
	}
	d.steps.end(fmt.Sprintf("Nomad and the platform run: %s", d.agent.Address))
	err = d.first(ctx, s, r, doc)
	if once || ctx.Err() != nil || isClosed(d.agent.Done()) {
		return err
	}
	if d.ran = err == nil; !d.ran {
		d.failed(s, err)
	}
	return d.follow(ctx, s, r)
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// platform starts the blob store and the router. Their files are inside the
// agent's folder and go with it. One run at a time chooses its ports.
func (d *dev) platform(ctx context.Context, client *nomad.Client) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	lock, err := flock.Wait(ctx, filepath.Join(cacheDir(), "ports.lock"), flock.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	_, err = platformApply(ctx, client, platformOptions{
		Program: program, BinDir: filepath.Join(d.agent.Dir, "bin"), DefaultDir: d.agent.Dir,
	}, func(text string) { d.steps.say("platform", "Starting the platform: "+text) })
	return err
}
