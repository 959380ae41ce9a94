package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"wadi/internal/procstat"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/sshd"
)

// shell runs `lifecycle shell`.
func (w web) shell(stdin string, args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	return w.lifecycle("shell", stdin, args...)
}

// lifecycle runs a command of the lifecycle as Nomad's exec does: in the task's
// environment and folder.
func (w web) lifecycle(command, stdin string, args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	cmd := exec.Command(program, append([]string{command}, args...)...)
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

// TestSSHDWithoutClient: one that Nomad has started for nobody ends by itself,
// says why, and runs nothing.
func TestSSHDWithoutClient(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: serveCommand, health: portCheck})
	w.ready()
	tests := map[string]struct {
		stdin  string
		args   []string
		stderr string
	}{
		"no client":        {"", nil, "lifecycle sshd: beginning the session: EOF"},
		"client goes":      {"SSH-2.0-test\r\n", nil, "lifecycle sshd: beginning the session: "},
		"no SSH":           {"touch $HOME/ran\n", nil, "lifecycle sshd: beginning the session: "},
		"with an argument": {"", []string{"true"}, "lifecycle sshd: usage: lifecycle sshd\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs, code := w.lifecycle("sshd", test.stdin, test.args...)
			if code != 126 || !strings.HasPrefix(errs, test.stderr) {
				t.Errorf("exit code %d, stderr %q", code, errs)
			}
			if _, err := os.Stat(filepath.Join(w.path("app"), "ran")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a command ran: %v", err)
			}
		})
	}
}

// TestSSHD: the shell behind it is that of `lifecycle shell`, and dies with it.
func TestSSHD(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: serveCommand, health: portCheck})
	w.ready()
	client, server := w.sshd()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	session.Stderr = &errs
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.RequestPty("xterm", 20, 90, nil); err != nil {
		t.Fatal(err)
	}
	if err := session.Start(`echo "$TERM $(stty size) $(pwd) pid=$$ bound=$WADI_SSHD"; test -w $(tty) && echo its-own; trap "" HUP; while sleep 1; do :; done`); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	first, second := scan(t, lines), scan(t, lines)
	var pid int
	dir, ids, _ := strings.Cut(strings.TrimPrefix(first, "xterm 20 90 "), " pid=")
	if _, err := fmt.Sscanf(ids, "%d bound=", &pid); err != nil || !strings.HasSuffix(ids, "bound=") || !strings.HasSuffix(dir, "/app") || second != "its-own" {
		t.Errorf("it prints %q and %q (%v), stderr %q", first, second, err, errs.String())
	}
	if _, err := client.NewSession(); err == nil {
		t.Error("there is a second session")
	}
	if err := server.Kill(); err != nil { // as Nomad does on raw_exec
		t.Fatal(err)
	}
	w.eventually("the shell dies with who started it", func() bool { return isGone(pid) })
}

// TestSSHDKills: when the client is gone, so is soon what does not hear SIGHUP,
// and all that it has started.
func TestSSHDKills(t *testing.T) {
	t.Parallel()
	w := startInstance(t, app{command: serveCommand, health: portCheck})
	w.ready()
	client, _ := w.sshd()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(`trap "" HUP; sleep 1000 & echo $$ $!; while :; do wait; done`); err != nil {
		t.Fatal(err)
	}
	var shell, child int
	line := scan(t, bufio.NewScanner(out))
	if _, err := fmt.Sscan(line, &shell, &child); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if isGone(shell) || isGone(child) {
		t.Fatal("they do not run")
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	w.eventually("the shell is killed", func() bool { return isGone(shell) })
	w.eventually("its child is killed", func() bool { return isGone(child) })
}

// isGone says whether a process has ended, reaped or not. Its command line says
// nothing of that: it is empty for a moment, too, while a program starts.
func isGone(pid int) bool {
	stat, err := procstat.Read(pid)
	return err != nil || stat.Ended()
}

// isRunning is the opposite for a pid as a script has printed it.
func isRunning(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err != nil || !isGone(n)
}

func scan(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the output ends: %v", lines.Err())
	}
	return strings.TrimSpace(lines.Text())
}

// sshd connects to a `lifecycle sshd` as Nomad executes it.
func (w web) sshd() (*ssh.Client, *os.Process) {
	w.t.Helper()
	cmd := exec.Command(program, "sshd")
	cmd.Env, cmd.Dir = w.cmd.Env, w.taskDir
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	config := &ssh.ClientConfig{User: "vcap", HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	conn, channels, requests, err := ssh.NewClientConn(sshd.Conn{Reader: out, WriteCloser: in}, "", config)
	if err != nil {
		w.t.Fatal(err)
	}
	return ssh.NewClient(conn, channels, requests), cmd.Process
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
