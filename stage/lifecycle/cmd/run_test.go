package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

func TestRunUntilStopped(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{
		command: `env > env.txt; echo out; echo err >&2; echo device > /dev/stderr; ` + serveCommand,
		health:  lifecycle.Check{Type: "http", Endpoint: "/index.html"},
		files:   map[string]string{"profile.d/a.sh": "export FROM_PROFILE=1\n"},
		env:     map[string]string{"GREETING": "a ${HOME} %{x}", "PATH": "/usr/bin:/bin"},
	})
	w.ready()
	code, health := w.ask("/healthy")
	if code != 200 || health.State != lifecycle.HealthHealthy || health.Instance == "" || health.Since.IsZero() {
		t.Errorf("/healthy = %d %+v", code, health)
	}
	response, err := http.Get("http://127.0.0.1:" + w.port + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || string(body) != "hello\n" {
		t.Errorf("body %q, %v", body, err)
	}
	if got := response.Header.Get("ETag"); got != `"6553f100-6"` {
		t.Errorf("ETag %s is not made of the time of the staging", got)
	}
	checkEnvironment(t, w, health.Instance)
	w.signal(syscall.SIGTERM)
	if code := w.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got, want := w.stdout.String(), "Invoking pre-start scripts.\nInvoking start command.\nout\n"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	contains(t, "stderr", w.stderr.String(), "Downloading droplet...\n", "err\n", "device\n",
		"Starting health monitoring of container\n", "Container became healthy\n", "Exit status 0\n")
}

// checkEnvironment compares the whole environment of the app.
func checkEnvironment(t *testing.T, w web, guid string) {
	t.Helper()
	dir := filepath.Join(w.taskDir, "local/instances", guid)
	want := map[string]string{
		"PATH": "/usr/bin:/bin", "USER": "vcap", "LANG": "en_US.UTF-8",
		"HOME": dir + "/app", "TMPDIR": dir + "/tmp", "DEPS_DIR": dir + "/deps", "PWD": dir + "/app",
		"PORT": w.port, "VCAP_APP_PORT": w.port, "VCAP_APP_HOST": "0.0.0.0", "MEMORY_LIMIT": "512m",
		"INSTANCE_GUID": guid, "CF_INSTANCE_GUID": guid, "INSTANCE_INDEX": "3", "CF_INSTANCE_INDEX": "3",
		"CF_INSTANCE_IP": "127.0.0.1", "CF_INSTANCE_INTERNAL_IP": "127.0.0.1",
		"CF_INSTANCE_PORT": w.port, "CF_INSTANCE_ADDR": "127.0.0.1:" + w.port,
		"CF_INSTANCE_PORTS": `[{"external":` + w.port + `,"internal":` + w.port + `}]`,
		"GREETING":          "a ${HOME} %{x}", "FROM_PROFILE": "1", "DATABASE_URL": "mysql2://db/x",
		"VCAP_SERVICES": `{"user-provided":[{"credentials":{"uri":"mysql://db/x"}}]}`,
	}
	got := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(w.file("app/env.txt")), "\n") {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	var vcap map[string]any
	if err := json.Unmarshal([]byte(got["VCAP_APPLICATION"]), &vcap); err != nil {
		t.Errorf("VCAP_APPLICATION %q: %v", got["VCAP_APPLICATION"], err)
	}
	port, err := strconv.ParseFloat(w.port, 64)
	if err != nil {
		t.Fatal(err)
	}
	limits, _ := vcap["limits"].(map[string]any)
	if fds, ok := limits["fds"].(float64); !ok || fds < 1 || fds > 16384 {
		t.Errorf("limits %v", limits)
	}
	delete(limits, "fds")
	wantVCAP := map[string]any{
		"application_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "name": "shop",
		"limits": map[string]any{"mem": 512.0, "disk": 100.0},
		"uris":   []any{"shop.example.com"}, "application_uris": []any{"shop.example.com"},
		"process_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "process_type": "web",
		"host": "0.0.0.0", "port": port, "instance_id": guid, "instance_index": 3.0,
	}
	if diff := cmp.Diff(wantVCAP, vcap); diff != "" {
		t.Errorf("VCAP_APPLICATION (-want +got):\n%s", diff)
	}
	for _, shell := range []string{"VCAP_APPLICATION", "SHLVL", "_"} {
		delete(got, shell)
	}
	delete(got, "OLDPWD")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		app
		code   int
		stderr []string
	}{
		"crash":   {app{command: "exit 3", health: portCheck}, 3, []string{"Exit status 3\n"}},
		"exit 0":  {app{command: "true", health: portCheck}, 0, []string{"Exit status 0\n"}},
		"signal":  {app{command: "kill -SEGV $$", health: portCheck}, 139, []string{"Exit status 139\n"}},
		"no port": {app{command: "sleep 1000", health: portCheck, timeoutS: 3}, lifecycle.ExitNeverHealthy, []string{"waiting for startup check to succeed: failed to make TCP connection to 127.0.0.1:", "connection refused\n", "startup health check never passed.\n", "Instance never healthy after ", "Exit status 143\n"}},
		"sidecar": {
			app{command: "sleep 1000", health: lifecycle.Check{Type: "process"}, sidecars: []lifecycle.Sidecar{{Name: "helper", ProcessTypes: []string{"web"}, Command: "exit 5"}}},
			5, []string{"[SIDECAR helper] Exit status 5\n", "Exit status 143\n"},
		},
		"droplet's sidecar": {
			app{command: "sleep 1000", health: lifecycle.Check{Type: "process"}, files: map[string]string{
				lifecycle.MetadataName: `{"sidecars":[{"name":"s","process_types":["web"],"command":"exit 6"},{"name":"t","process_types":["worker"],"command":"exit 7"}]}`,
			}}, 6, []string{"[SIDECAR s] Exit status 6\n"},
		},
		"droplet's command": {
			app{health: portCheck, files: map[string]string{lifecycle.MetadataName: `{"process_types":{"web":"exit 9"}}`}},
			9, nil,
		},
		"no command": {app{health: portCheck}, 1, []string{`no start command for process "web"`}},
		"too big":    {app{command: "true", files: map[string]string{"app/big": strings.Repeat("x", 101<<20)}}, 1, []string{`unpacking the droplet: with "app/big" it has more than the disk of the process, 100M: `}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startInstance(t, test.app)
			if code := w.exitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			contains(t, "stderr", w.stderr.String(), test.stderr...)
		})
	}
}

func TestRunLiveness(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{
		command: serveCommand, files: map[string]string{"app/ok": "ok"},
		health: lifecycle.Check{Type: "http", Endpoint: "/ok", IntervalS: 1, InvocationTimeoutS: 180},
	})
	w.ready()
	if err := os.Remove(w.path("app/ok")); err != nil {
		t.Fatal(err)
	}
	if code := w.exitCode(); code != lifecycle.ExitUnhealthy {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", w.stderr.String(), "Liveness check unsuccessful: failed to make HTTP request to '/ok' on port "+w.port+": received status code 404 in ", "Container became unhealthy\n", "Instance became unhealthy: ")
}

func TestRunReadiness(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{
		command: serveCommand, health: portCheck,
		readiness: lifecycle.Check{Type: "http", Endpoint: "/ready", IntervalS: 1},
	})
	w.eventually("alive and not ready", func() bool {
		alive, health := w.ask("/healthy")
		ready, _ := w.ask("/ready")
		return alive == 200 && ready == 503 && health.State == lifecycle.HealthNotReady && strings.Contains(health.Reason, "404")
	})
	w.write("app/ready", "yes")
	w.ready()
	if err := os.Remove(w.path("app/ready")); err != nil {
		t.Fatal(err)
	}
	w.eventually("not ready again, which the log says", func() bool {
		code, _ := w.ask("/ready")
		return code == 503 && strings.Contains(w.stderr.String(), "removed from route pool")
	})
	contains(t, "stderr", w.stderr.String(), "marked ready and added to route pool", "Readiness check unsuccessful: ")
}

func TestRunStopping(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{
		command: `trap 'while [ ! -e go ]; do sleep 0.05; done; exit 7' TERM; "$HOME/../bin/lifecycle" serve & wait; wait`,
		health:  portCheck,
	})
	w.ready()
	w.signal(syscall.SIGTERM)
	w.eventually("stopping", func() bool {
		ready, health := w.ask("/ready")
		alive, _ := w.ask("/healthy")
		return ready == 503 && alive == 200 && health.State == lifecycle.HealthStopping
	})
	w.write("app/go", "")
	if code := w.exitCode(); code != 7 {
		t.Errorf("exit code %d", code)
	}
}

func TestRunKillsWhatDoesNotStop(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the ten seconds of grace")
	}
	t.Parallel()
	w := startInstance(t, app{
		command: `trap '' TERM; touch up; while :; do sleep 0.1; done`, health: lifecycle.Check{Type: "process"},
	})
	w.eventually("the app is up", func() bool { return len(w.instances()) == 1 && exists(w.path("app")+"/up") })
	w.signal(syscall.SIGTERM)
	if code := w.exitCode(); code != 137 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", w.stderr.String(), "Exit status 137 (exceeded 10s graceful shutdown interval)\n")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (w web) instances() []string {
	matches, _ := filepath.Glob(filepath.Join(w.taskDir, "local/instances/*/app"))
	return matches
}

func TestRunFreshCopy(t *testing.T) {
	t.Parallel()
	i := app{command: `ls; echo edited > index.html; touch marker; exit 1`, health: portCheck}
	i.dir = newInstance(t, i)
	first := startInstance(t, i)
	first.exitCode()
	firstCopy := first.instances()
	second := startInstance(t, i)
	second.exitCode()
	if got := second.stdout.String(); !strings.HasSuffix(got, "command.\nindex.html\n") {
		t.Errorf("the second start saw %q", got)
	}
	if got := second.instances(); len(got) != 1 || slices.Equal(got, firstCopy) {
		t.Errorf("instances %q after %q", got, firstCopy)
	}
}

func TestRunLeavesNoProcess(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]string{"crash": "exit 1", "killed supervisor": "exec sleep 1000"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startInstance(t, app{
				command: `setsid sleep 1000 > /dev/null 2>&1 & echo $! > setsid.pid; echo $$ > own.pid; touch up; ` + last,
				health:  lifecycle.Check{Type: "process"},
			})
			w.eventually("the app is up", func() bool { return len(w.instances()) == 1 && exists(w.instances()[0]+"/up") })
			files := []string{"app/setsid.pid", "app/own.pid"}
			if name != "crash" {
				// What a killed supervisor leaves in other sessions is Nomad's
				// to end (by cgroup); its own children die with it.
				files = files[1:]
				w.signal(syscall.SIGKILL)
			}
			w.exitCode()
			for _, file := range files {
				pid := strings.TrimSpace(w.file(file))
				w.eventually(file+" has ended", func() bool { return pid != "" && !isRunning(pid) })
			}
			if name != "crash" {
				pid, err := strconv.Atoi(strings.TrimSpace(w.file("app/setsid.pid")))
				if err != nil {
					t.Fatal(err)
				}
				_ = syscall.Kill(pid, syscall.SIGKILL) // ours: the test's own app started it
			}
		})
	}
}

func TestRunDropsRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	w := startInstance(t, app{
		command: `grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; cat ../../../../secrets/revision.json; echo "read: $?"; ls -ld . | cut -d' ' -f3; exit 1`,
		health:  portCheck,
	})
	w.exitCode()
	contains(t, "stdout", w.stdout.String(), fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nGid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", taskUser()), "Groups:\t \n",
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
		"NoNewPrivs:\t1\n", "read: 1\n", fmt.Sprintf("\n%d\n", taskUser()))
}

// TestRunWithoutRoot: nothing to drop, everything else as ever.
func TestRunWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("all tests run without root then")
	}
	w := startInstance(t, app{uid: 1234, command: `id -u; ls -ln index.html | cut -d' ' -f3; setsid sleep 1000 & echo $! > pid; touch up; sleep 1000`, health: lifecycle.Check{Type: "process"}})
	w.eventually("the app is up", func() bool { return len(w.instances()) == 1 && exists(w.instances()[0]+"/up") })
	pid := strings.TrimSpace(w.file("app/pid"))
	w.signal(syscall.SIGTERM)
	if code := w.exitCode(); code != 143 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stdout", w.stdout.String(), "1234\n1234\n")
	if isRunning(pid) {
		t.Error("a process in another session is left")
	}
}

func TestRunNamesTheFolderThatIsClosed(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	i := app{command: "true"}
	i.dir = newInstance(t, i)
	if err := os.Chmod(i.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := startInstance(t, i)
	if code := w.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", w.stderr.String(), "cannot enter "+i.dir+" (mode 0700): run `chmod o+x "+i.dir+"` on this node")
}

func TestRunStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: "sleep 1000", health: portCheck, timeoutS: 60})
	w.eventually("the health port answers", func() bool {
		code, health := w.ask("/healthy")
		return code == 503 && health.State == lifecycle.HealthStarting && health.Reason != ""
	})
	w.signal(syscall.SIGTERM)
	if code := w.exitCode(); code != 143 {
		t.Errorf("exit code %d", code)
	}
}
