package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// Pinned is the version of Nomad that is built where none is found, and
// oldest the first one that wadi works with.
const (
	Pinned = "v1.11.3"
	oldest = "v1.8.0"
)

// Binary is a Nomad executable.
type Binary struct {
	Path    string // absolute
	Version string // "v1.11.3"
}

// FindOptions says where to look.
type FindOptions struct {
	// CacheDir holds the built Nomad; "" means CacheDir().
	CacheDir string
	// Env is the environment ("KEY=value") in which WADI_NOMAD, PATH and
	// what `go build` needs are looked up; nil means os.Environ().
	Env []string
	// Progress is told what is going on, by one goroutine at a time; nil
	// for silence.
	Progress func(Event)
}

// Event is one step of finding or building Nomad.
type Event struct {
	Phase Phase
	// Text is the event in words: "Building Nomad 1.11.3, once: 812 of 1643 packages".
	Text string
}

// Phase is what an Event is about.
type Phase string

const (
	PhaseSkip     Phase = "skip"     // something was found and cannot be used
	PhaseWait     Phase = "wait"     // another process builds; this one waits
	PhaseDownload Phase = "download" // the modules are fetched
	PhaseBuild    Phase = "build"    // the packages are compiled
	PhaseDone     Phase = "done"
)

// Find gives a Nomad executable: $WADI_NOMAD (an error if it cannot be used),
// else `nomad` on PATH if it is not older than oldest, else the pinned
// version, which is built once into the cache.
func Find(ctx context.Context, o FindOptions) (Binary, error) {
	if o.CacheDir == "" {
		o.CacheDir = CacheDir()
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	env := environ(o.Env)

	if path := env.get("WADI_NOMAD"); path != "" {
		b, err := usable(ctx, path)
		if err != nil {
			return Binary{}, fmt.Errorf("use $WADI_NOMAD: %w (unset it, or point it at Nomad %s or newer)", err, oldest)
		}
		return b, nil
	}
	if path := lookPath("nomad", env.get("PATH")); path != "" {
		b, err := usable(ctx, path)
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return Binary{}, err
		}
		o.Progress(Event{Phase: PhaseSkip, Text: "Not using nomad on PATH: " + err.Error()})
	}

	path, err := buildOnce(ctx, o.CacheDir, nomadBuild(), env, o.Progress)
	if err != nil {
		return Binary{}, fmt.Errorf("%w; or put Nomad %s or newer on PATH, or name one in $WADI_NOMAD", err, oldest)
	}
	return Binary{Path: path, Version: Pinned}, nil
}

// tooOldError is a Nomad that wadi cannot work with.
type tooOldError struct{ Path, Version string }

func (e *tooOldError) Error() string {
	return fmt.Sprintf("%s is Nomad %s, older than %s", e.Path, e.Version, oldest)
}

// usable asks an executable for its version and checks it.
func usable(ctx context.Context, path string) (Binary, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, fmt.Errorf("make %s absolute: %w", path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, abs, "version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Binary{}, fmt.Errorf("run %s version: %w", abs, err)
	}
	version, err := parseVersion(string(out))
	if err != nil {
		return Binary{}, fmt.Errorf("%s version: %w", abs, err)
	}
	if semver.Compare(version, oldest) < 0 {
		return Binary{}, &tooOldError{Path: abs, Version: version}
	}
	return Binary{Path: abs, Version: version}, nil
}

var versionLine = regexp.MustCompile(`(?m)^Nomad (v[0-9]\S*)`)

// parseVersion takes the version out of what `nomad version` prints.
func parseVersion(out string) (string, error) {
	m := versionLine.FindStringSubmatch(out)
	if m == nil || !semver.IsValid(m[1]) {
		first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
		return "", fmt.Errorf("no version of Nomad in its output %.80q", first)
	}
	return m[1], nil
}

// lookPath is exec.LookPath over a given PATH. Relative folders are skipped,
// as the standard library refuses them.
func lookPath(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		full := filepath.Join(dir, name)
		if isExecutable(full) {
			return full
		}
	}
	return ""
}

// isExecutable says whether path is a file with an executable bit.
func isExecutable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && fi.Mode().Perm()&0o111 != 0
}

// environ is an environment as os.Environ gives it.
type environ []string

// get is the value of a variable; of several the last counts, as in execve's
// callers of the Go library.
func (e environ) get(key string) string {
	for i := len(e) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(e[i], "="); ok && k == key {
			return v
		}
	}
	return ""
}

var errNoGo = errors.New("there is no `go` on PATH: install Go 1.25 or newer from https://go.dev/dl")
