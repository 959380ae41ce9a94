package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

// shell runs `lifecycle shell` as Nomad's exec does: in the task's
// environment and folder.
func (w web) shell(stdin string, args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	cmd := exec.Command(program, append([]string{"shell"}, args...)...)
	cmd.Env, cmd.Dir = w.cmd.Env, w.taskDir
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the code says it
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestShellEnvironment: the shell's environment is the app's, all of it, but
// for what .profile adds.
func TestShellEnvironment(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{
		command: `env > env.txt; ` + serveCommand, health: portCheck,
		files:    map[string]string{"profile.d/a.sh": "export FROM_PROFILE=1\n", "app/.profile": "export FROM_DOT_PROFILE=1\n"},
		env:      map[string]string{"GREETING": "a ${HOME} %{x}"},
		sidecars: []lifecycle.Sidecar{{Name: "s", ProcessTypes: []string{"web"}, Command: "exec sleep 1000", MemoryMB: 100}},
	})
	w.ready()
	out, errs, code := w.shell("", "", "env")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	want, got := environ(w.file("app/env.txt")), environ(out)
	if want["MEMORY_LIMIT"] != "412m" || want["FROM_DOT_PROFILE"] != "1" {
		t.Errorf("the app's environment %q", want)
	}
	delete(want, "FROM_DOT_PROFILE")
	for _, shell := range []string{"SHLVL", "_", "OLDPWD"} {
		delete(got, shell)
		delete(want, shell)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-app +shell):\n%s", diff)
	}
}

func TestShell(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: serveCommand, health: portCheck})
	w.ready()
	tests := map[string]struct {
		stdin          string
		args           []string
		stdout, stderr string
		code           int
	}{
		"command":     {"", []string{"", "ls index.html; echo err >&2; exit 9"}, "index.html\n", "err\n", 9},
		"terminal":    {"", []string{"xterm", `echo "$TERM"`}, "xterm\n", "", 0},
		"standard in": {"echo from stdin\nexit 4\n", []string{""}, "from stdin\n", "", 4},
		"no argument": {"", nil, "", "lifecycle shell: usage: lifecycle shell TERM [COMMAND]\n", 126},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := w.shell(test.stdin, test.args...)
			if out != test.stdout || errs != test.stderr || code != test.code {
				t.Errorf("stdout %q, stderr %q, exit code %d", out, errs, code)
			}
		})
	}
}

func TestShellDropsRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	i := app{command: serveCommand, health: portCheck}
	i.dir = newInstance(t, i)
	openLikeNomad(t, i.dir)
	w := startInstance(t, i)
	w.ready()
	out, _, _ := w.shell("", "", `grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; cat ../../../../secrets/environment.json || echo refused; touch ../../../x || echo local; touch ../../../../x || echo task; touch ../../../../secrets/x || echo secrets`)
	contains(t, "stdout", out, fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nGid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", taskUser()), "Groups:\t \n",
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
		"NoNewPrivs:\t1\n", "refused\n", "local\n", "task\n", "secrets\n")
}

// openLikeNomad gives the folders of a task the modes that Nomad gives them:
// an app could replace the lifecycle and its secrets there.
func openLikeNomad(t *testing.T, dir string) {
	t.Helper()
	for _, path := range []string{dir, dir + "/local", dir + "/secrets"} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

func TestShellWithoutInstance(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: "true", files: map[string]string{lifecycle.MetadataName: ""}})
	w.exitCode()
	if err := os.RemoveAll(w.taskDir + "/local/instances"); err != nil {
		t.Fatal(err)
	}
	_, errs, code := w.shell("", "", "true")
	if want := "the instance has not unpacked its droplet yet"; code != 126 || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
}
