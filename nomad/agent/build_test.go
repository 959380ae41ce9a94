package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wadi/internal/remove"
)

// tiny is a recipe that builds in a second or two: a main package and a
// library in a module that go.mod replaces by a folder.
func tiny(t *testing.T, mainSource string) Recipe {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.test/tiny\n\ngo 1.25\n",
		"main.go":    mainSource,
		"lib/lib.go": "package lib\n\nconst Text = \"it runs\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Recipe{
		Name: "Tiny 1.0", Key: "tiny-1.0", Package: "example.test/tiny", Output: "tiny",
		GoMod: fmt.Appendf(nil, "module build.test\n\ngo 1.25\n\nrequire example.test/tiny v1.0.0\n\nreplace example.test/tiny => %s\n", dir),
	}
}

const goodMain = "package main\n\nimport \"example.test/tiny/lib\"\n\nfunc main() { print(lib.Text) }\n"

// hostile is an environment in which a plain `go build` would fail.
func hostile() environ {
	return append(os.Environ(), "GOFLAGS=-mod=vendor", "GOWORK=/nonexistent/go.work", "GOOS=plan9", "TMPDIR=/nonexistent", "GO111MODULE=off")
}

func silent(Event) {}

// tryBuild is buildOnce, and says whether it built or found the executable.
func tryBuild(ctx context.Context, cache string, r Recipe, env environ, progress func(Event)) (path string, built bool, err error) {
	path, err = buildOnce(ctx, cache, r, env, func(e Event) {
		built = built || e.Phase == PhaseDone
		progress(e)
	})
	return path, built, err
}

// noLeftovers checks that the folder of a recipe holds at most what is named.
func noLeftovers(t *testing.T, cache string, r Recipe, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, r.Key))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
}

func TestBuildOnce(t *testing.T) {
	t.Parallel()
	cache, r := t.TempDir(), tiny(t, goodMain)
	var events []Event
	path, built, err := tryBuild(t.Context(), cache, r, hostile(), func(e Event) { events = append(events, e) })
	if err != nil || !built {
		t.Fatalf("built = %t, %v", built, err)
	}
	if out, err := exec.Command(path).CombinedOutput(); err != nil || string(out) != "it runs" {
		t.Errorf("the executable says %q, %v", out, err)
	}
	last := events[len(events)-2]
	var done, total int
	if _, err := fmt.Sscanf(last.Text, "Building Tiny 1.0, once: %d of %d packages", &done, &total); err != nil || last.Phase != PhaseBuild || done != total || done < 2 {
		t.Errorf("the last event of the build is %+v", last)
	}
	if events[len(events)-1].Phase != PhaseDone {
		t.Errorf("the last event is %+v", events[len(events)-1])
	}
	noLeftovers(t, cache, r, "lock", "tiny")

	// Found again, also where nothing could be built.
	again, built, err := tryBuild(t.Context(), cache, r, environ{}, silent)
	if again != path || built || err != nil {
		t.Errorf("again: %s, %t, %v", again, built, err)
	}
}

func TestBuildWithoutCompilerOrHome(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir() // a PATH with go, and without a C compiler
	if err := os.Symlink(goTool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Cleanup(func() { // the module cache is read-only
		if err := remove.All(cache); err != nil {
			t.Error(err)
		}
	})
	r := tiny(t, "package main\n\nfunc main() { print(\"it runs\") }\n")
	path, _, err := tryBuild(t.Context(), cache, r, environ{"PATH=" + bin}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path).CombinedOutput(); err != nil || string(out) != "it runs" {
		t.Errorf("the executable says %q, %v", out, err)
	}
}

func TestBuildFailures(t *testing.T) {
	t.Parallel()
	missing := tiny(t, goodMain)
	missing.GoMod = []byte("module build.test\n\ngo 1.25\n\nrequire example.test/tiny v1.0.0\n")
	for _, tt := range []struct {
		name string
		r    Recipe
		env  environ
		want []string
	}{
		{"compile error", tiny(t, "package main\n\nfunc main() { nonsense }\n"), hostile(), []string{"build Tiny 1.0: go build", "undefined: nonsense"}},
		{"no proxy", missing, append(hostile(), "GOPROXY=off"), []string{"build Tiny 1.0: go list", "GOPROXY=off, which must be reachable once"}},
		{"no go", tiny(t, goodMain), environ{"PATH=/nonexistent"}, []string{"build Tiny 1.0", "no `go` on PATH", "install Go"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cache := t.TempDir()
			_, _, err := tryBuild(t.Context(), cache, tt.r, tt.env, silent)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error lacks %q: %v", w, err)
				}
			}
			noLeftovers(t, cache, tt.r, "lock")
		})
	}
}

func TestBuildOnAFullDisk(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	if err := unix.Mount("wadi-test", cache, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small disk here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(cache, 0); err != nil {
			t.Error(err)
		}
	})
	r := tiny(t, goodMain)
	_, _, err := tryBuild(t.Context(), cache, r, os.Environ(), silent)
	if err == nil || !strings.Contains(err.Error(), "disk of "+filepath.Join(cache, r.Key)) || !strings.Contains(err.Error(), "is full") {
		t.Errorf("the error does not name the disk: %v", err)
	}
	noLeftovers(t, cache, r, "lock")
}

func TestInterruptedBuild(t *testing.T) {
	t.Parallel()
	cache, r := t.TempDir(), tiny(t, goodMain)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := tryBuild(ctx, cache, r, hostile(), func(e Event) {
		if e.Phase == PhaseBuild {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted build: %v", err)
	}
	noLeftovers(t, cache, r, "lock")
	if _, built, err := tryBuild(t.Context(), cache, r, hostile(), silent); err != nil || !built {
		t.Errorf("the next build: %t, %v", built, err)
	}
}

// buildHelper is a process of its own that builds: it prints the phase of
// each event, and when the compiler is to start it waits until its stdin
// ends.
func buildHelper(task string) error {
	var in struct {
		Cache  string
		Recipe Recipe
	}
	if err := json.Unmarshal([]byte(task), &in); err != nil {
		return err
	}
	held := false
	path, built, err := tryBuild(context.Background(), in.Cache, in.Recipe, hostile(), func(e Event) {
		fmt.Println(e.Phase)
		if e.Phase == PhaseBuild && !held {
			held = true
			_, _ = io.Copy(io.Discard, os.Stdin)
		}
	})
	if err == nil && built {
		fmt.Println("built", path)
	}
	return err
}

// building starts the helper and returns when it holds the lock and has
// begun: end lets it go on, kill kills it.
func building(t *testing.T, cache string, r Recipe) (end func() string, kill func()) {
	t.Helper()
	task, err := json.Marshal(map[string]any{"Cache": cache, "Recipe": r})
	if err != nil {
		t.Fatal(err)
	}
	cmd := HelperCommand("build", string(task))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	for sc.Scan() && sc.Text() != string(PhaseBuild) {
	}
	end = func() string {
		_ = in.Close()
		var rest bytes.Buffer
		for sc.Scan() {
			rest.WriteString(sc.Text() + "\n")
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
		return rest.String()
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return end, kill
}

func TestTwoProcessesBuildOnce(t *testing.T) {
	t.Parallel()
	cache, r := t.TempDir(), tiny(t, goodMain)
	end, _ := building(t, cache, r)
	var others string
	path, built, err := tryBuild(t.Context(), cache, r, hostile(), func(e Event) {
		if e.Phase != PhaseWait {
			t.Errorf("the second process does not wait: %+v", e)
		}
		others = end()
	})
	if err != nil || built {
		t.Errorf("built = %t, %v", built, err)
	}
	if !strings.Contains(others, "built "+path) {
		t.Errorf("the first process did not build: %q", others)
	}
}

func TestWaitingCanBeInterrupted(t *testing.T) {
	t.Parallel()
	cache, r := t.TempDir(), tiny(t, goodMain)
	end, _ := building(t, cache, r)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := tryBuild(ctx, cache, r, hostile(), func(Event) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted wait: %v", err)
	}
	end()
}

func TestBuildAfterAKilledOne(t *testing.T) {
	t.Parallel()
	cache, r := t.TempDir(), tiny(t, goodMain)
	_, kill := building(t, cache, r)
	kill()
	left, err := filepath.Glob(filepath.Join(cache, r.Key, unfinished+"*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("the killed build left %v, %v", left, err)
	}
	if _, built, err := tryBuild(t.Context(), cache, r, hostile(), silent); err != nil || !built {
		t.Errorf("the next build: %t, %v", built, err)
	}
	noLeftovers(t, cache, r, "lock", "tiny")
}
