package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// toolchain is what `go env` says about the build to come.
type toolchain struct {
	CC         string `json:"CC"`
	CGO        string `json:"CGO_ENABLED"`
	GOCACHE    string `json:"GOCACHE"`
	GOMODCACHE string `json:"GOMODCACHE"`
	GOPROXY    string `json:"GOPROXY"`
}

// compile builds the recipe in the folder tmp, which it fills with a module.
func compile(ctx context.Context, tmp, cacheDir string, r Recipe, env environ, progress func(Event)) error {
	goTool := lookPath("go", env.get("PATH"))
	if goTool == "" {
		return buildFailed(r, tmp, errNoGo)
	}
	scratch := filepath.Join(tmp, "scratch") // go takes no module in its TMPDIR itself
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return buildFailed(r, tmp, fmt.Errorf("make the folder to build in: %w", err))
	}
	for name, text := range map[string][]byte{"go.mod": r.GoMod, "go.sum": r.GoSum} {
		if err := os.WriteFile(filepath.Join(tmp, name), text, 0o644); err != nil {
			return buildFailed(r, tmp, fmt.Errorf("write the module to build: %w", err))
		}
	}
	g := &goCommand{path: goTool, dir: tmp, env: buildEnv(env, cacheDir, scratch)}
	tc, err := g.toolchain(ctx)
	if err != nil {
		return buildFailed(r, tmp, err)
	}
	if tc.CGO == "1" && !compilesC(ctx, tc.CC, g.env) {
		tc.CGO = "0" // all but the exec driver works without
	}
	g.env = append(g.env, "CGO_ENABLED="+tc.CGO)

	total, err := g.countStale(ctx, r, progress)
	if err != nil {
		err = fmt.Errorf("%w; its modules come from GOPROXY=%s, which must be reachable once", err, tc.GOPROXY)
		return buildFailed(r, tmp, err, tc.GOMODCACHE)
	}
	if err := g.build(ctx, r, total, progress); err != nil {
		return buildFailed(r, tmp, err, tc.GOCACHE, tc.GOMODCACHE)
	}
	return nil
}

// buildEnv is the user's environment without what would change the build:
// flags and workspaces meant for their own modules, a cross-compiling
// setting, a temporary folder that need not exist. Caches are ours where the user has no home for them.
func buildEnv(env environ, cacheDir, scratch string) []string {
	out := make([]string, 0, len(env)+10)
	for _, kv := range env {
		switch k, _, _ := strings.Cut(kv, "="); k {
		case "GOFLAGS", "GOWORK", "GO111MODULE", "GOOS", "GOARCH", "GOTMPDIR", "TMPDIR", "PWD":
		default:
			out = append(out, kv)
		}
	}
	out = append(out,
		"GOFLAGS=-mod=mod", "GOWORK=off", "GO111MODULE=on",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH,
		"GOTMPDIR="+scratch, "TMPDIR="+scratch)
	home := env.get("HOME")
	if home == "" && env.get("XDG_CACHE_HOME") == "" && env.get("GOCACHE") == "" {
		out = append(out, "GOCACHE="+filepath.Join(cacheDir, "go-build"))
	}
	if home == "" && env.get("GOPATH") == "" {
		out = append(out, "GOPATH="+filepath.Join(cacheDir, "go"))
	}
	return out
}

// compilesC says whether the C compiler and its headers are there.
func compilesC(ctx context.Context, cc string, env []string) bool {
	args := strings.Fields(cc) // CC may carry flags
	if len(args) == 0 {
		return false
	}
	path := lookPath(args[0], environ(env).get("PATH"))
	if filepath.IsAbs(args[0]) {
		path = args[0]
	}
	if path == "" {
		return false
	}
	cmd := exec.CommandContext(ctx, path, append(args[1:], "-x", "c", "-o", os.DevNull, "-")...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\nint main(void) { return 0; }\n")
	return cmd.Run() == nil
}

// goCommand runs the go tool in one folder.
type goCommand struct {
	path string
	dir  string
	env  []string
}

func (g *goCommand) toolchain(ctx context.Context) (toolchain, error) {
	var tc toolchain
	var out bytes.Buffer
	if err := g.run(ctx, &out, nil, "env", "-json", "CC", "CGO_ENABLED", "GOCACHE", "GOMODCACHE", "GOPROXY"); err != nil {
		return tc, err
	}
	if err := json.Unmarshal(out.Bytes(), &tc); err != nil {
		return tc, fmt.Errorf("read what go env -json prints: %w", err)
	}
	return tc, nil
}

// countStale fetches the modules and counts the packages that are not in the
// build cache: as many lines `go build -v` will print.
func (g *goCommand) countStale(ctx context.Context, r Recipe, progress func(Event)) (int, error) {
	modules := 0
	var out bytes.Buffer
	err := g.run(ctx, &out, func(line string) bool {
		if !strings.HasPrefix(line, "go: downloading ") {
			return false
		}
		modules++
		progress(Event{Phase: PhaseDownload, Text: "Fetching the modules of " + r.Name + ", once: " + strconv.Itoa(modules)})
		return true
	}, "list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", r.Package)
	return len(strings.Fields(out.String())), err
}

func (g *goCommand) build(ctx context.Context, r Recipe, total int, progress func(Event)) error {
	done := 0
	tell := func() {
		progress(Event{Phase: PhaseBuild, Text: fmt.Sprintf("Building %s, once: %d of %d packages", r.Name, done, total)})
	}
	tell()
	return g.run(ctx, io.Discard, func(line string) bool {
		if line == "" || strings.ContainsAny(line, " \t") {
			return false
		}
		done++
		total = max(total, done)
		tell()
		return true
	}, "build", "-v", "-buildvcs=false", "-ldflags=-s -w", "-o", filepath.Join(g.dir, r.Output), r.Package)
}

// run runs the go tool. Each line of its stderr goes to seen; those it does
// not take are the reason of a failure.
func (g *goCommand) run(ctx context.Context, stdout io.Writer, seen func(string) bool, args ...string) error {
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout = g.dir, g.env, stdout
	lines := &lineWriter{seen: seen}
	cmd.Stderr = lines
	// A group of its own: the terminal's Ctrl-C reaches us first, and we end
	// the compilers with the go tool. SIGINT lets it clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	lines.flush()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w (what is compiled stays in Go's build cache, the next run goes on from there)", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", args[0], err, lines.rest())
	}
	return nil
}
