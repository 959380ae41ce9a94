package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

// startTask starts a one-off task in a droplet with these files.
func startTask(t *testing.T, what lifecycle.Task, files map[string]string) *running {
	t.Helper()
	dir := newInstance(t, app{files: files, env: map[string]string{"GREETING": "a ${HOME} %{x}"}})
	if err := os.Remove(filepath.Join(dir, "secrets", lifecycle.ProcessFile)); err != nil {
		t.Fatal(err)
	}
	what.MemoryMB, what.DiskMB = 128, 100
	openLikeNomad(t, dir)
	text, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", lifecycle.TaskFile), text, 0o400); err != nil {
		t.Fatal(err)
	}
	return start(t, dir, "task", lifecycle.NodeIPVar+"=127.0.0.1")
}

func TestTask(t *testing.T) {
	t.Parallel()
	types := map[string]string{lifecycle.MetadataName: `{"process_types":{"migrate":"echo migrated"}}`}
	tests := map[string]struct {
		what   lifecycle.Task
		files  map[string]string
		code   int
		stdout string
		stderr []string
	}{
		"output":            {lifecycle.Task{Command: "echo out; echo err >&2"}, nil, 0, "out\n", []string{"Downloaded droplet", "Invoking pre-start scripts.\nInvoking start command.\nerr\n", "Exit status 0\n"}},
		"exit code":         {lifecycle.Task{Command: "exit 7"}, nil, 7, "", []string{"Exit status 7\n"}},
		"signal":            {lifecycle.Task{Command: "kill -SEGV $$"}, nil, 139, "", nil},
		"droplet's command": {lifecycle.Task{Process: "migrate"}, types, 0, "migrated\n", nil},
		"no command":        {lifecycle.Task{Process: "web"}, nil, 1, "", []string{`no start command for process "web"`}},
		"timeout":           {lifecycle.Task{Command: "sleep 1000", TimeoutS: 3}, nil, lifecycle.ExitTaskTimeout, "", []string{"The task exceeded its timeout of 3s\n", "Exit status 143\n"}},
		"prefix":            {lifecycle.Task{Command: "x"}, map[string]string{lifecycle.StagingInfoName: `{"config":{"entrypoint_prefix":"echo prefixed"}}`}, 0, "prefixed x\n", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startTask(t, test.what, test.files)
			if code := r.exitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if got := r.stdout.String(); got != test.stdout {
				t.Errorf("stdout %q, want %q", got, test.stdout)
			}
			contains(t, "stderr", r.stderr.String(), test.stderr...)
		})
	}
}

// TestTaskEnvironment compares the whole environment with Cloud Foundry's
// for tasks: no port, no instance.
func TestTaskEnvironment(t *testing.T) {
	t.Parallel()
	r := startTask(t, lifecycle.Task{Command: "env"}, map[string]string{"profile.d/a.sh": "export FROM_PROFILE=1\n", "app/.profile": "export FROM_DOT_PROFILE=1\n"})
	if code := r.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := environ(r.stdout.String())
	dir := filepath.Dir(got["HOME"])
	if filepath.Dir(dir) != filepath.Join(r.taskDir, "local/instances") {
		t.Errorf("HOME %s", got["HOME"])
	}
	var vcap map[string]any
	if err := json.Unmarshal([]byte(got["VCAP_APPLICATION"]), &vcap); err != nil {
		t.Fatal(err)
	}
	limits, _ := vcap["limits"].(map[string]any)
	delete(limits, "fds")
	wantVCAP := map[string]any{
		"application_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "name": "shop", "users": nil,
		"limits": map[string]any{"mem": 128.0, "disk": 100.0},
		"uris":   []any{"shop.example.com"}, "application_uris": []any{"shop.example.com"},
		"host": "0.0.0.0", "instance_id": "", // the launcher's
	}
	if diff := cmp.Diff(wantVCAP, vcap); diff != "" {
		t.Errorf("VCAP_APPLICATION (-want +got):\n%s", diff)
	}
	for _, shell := range []string{"VCAP_APPLICATION", "SHLVL", "_", "OLDPWD"} {
		delete(got, shell)
	}
	want := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER": "vcap", "LANG": "en_US.UTF-8",
		"HOME": dir + "/app", "TMPDIR": dir + "/tmp", "DEPS_DIR": dir + "/deps", "PWD": dir + "/app",
		"MEMORY_LIMIT": "128m", "GREETING": "a ${HOME} %{x}", "FROM_PROFILE": "1", "FROM_DOT_PROFILE": "1",
		"CF_INSTANCE_IP": "127.0.0.1", "CF_INSTANCE_INTERNAL_IP": "127.0.0.1",
		"CF_INSTANCE_PORT": "", "CF_INSTANCE_ADDR": "", "CF_INSTANCE_PORTS": "[]",
		"DATABASE_URL": "mysql2://db/x", "VCAP_SERVICES": `{"user-provided":[{"credentials":{"uri":"mysql://db/x"}}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// environ reads what `env` prints.
func environ(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		out[name] = value
	}
	return out
}

// TestTaskStopped: SIGTERM reaches the command, and what it left behind ends.
func TestTaskStopped(t *testing.T) {
	t.Parallel()
	r := startTask(t, lifecycle.Task{Command: `setsid sleep 1000 & trap 'echo stopped; exit 3' TERM; echo $!; while :; do sleep 0.02; done`}, nil)
	r.eventually("the command runs", func() bool { return strings.HasSuffix(r.stdout.String(), "\n") })
	pid := strings.TrimSpace(r.stdout.String())
	r.signal(syscall.SIGTERM)
	if code := r.exitCode(); code != 3 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stdout", r.stdout.String(), "stopped\n")
	if isRunning(pid) {
		t.Error("a process in another session is left")
	}
}

func TestTaskDropsRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	r := startTask(t, lifecycle.Task{Command: `id -u; cat ../../../../secrets/task.json || echo refused; touch ../../../../x || echo kept`}, nil)
	r.exitCode()
	if got, want := r.stdout.String(), fmt.Sprintf("%d\nrefused\nkept\n", taskUser()); got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
}

// TestTaskMisunderstood: a wadi of another age is named.
func TestTaskMisunderstood(t *testing.T) {
	t.Parallel()
	dir := newInstance(t, app{})
	r := start(t, dir, "task")
	if code := r.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", r.stderr.String(), lifecycle.TaskFile)
}
