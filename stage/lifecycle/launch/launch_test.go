package launch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 { // started again by the tests
		switch os.Args[1] {
		case "launch":
			os.Exit(Main(os.Args[2:], os.Stderr))
		case "launch-task":
			os.Exit(Task(os.Args[2:], os.Stderr))
		}
	}
	os.Exit(m.Run())
}

// run starts the launcher in a folder with these files.
func run(t *testing.T, files map[string]string, env []string, args ...string) (root, stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return runIn(t, files, env, append([]string{self, "launch"}, args...))
}

// runIn runs a program in a folder with these files.
func runIn(t *testing.T, files map[string]string, env, argv []string) (root, stdout, stderr string, code int) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "ROOT", root)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = root, append([]string{"PATH=/usr/bin:/bin"}, env...), &out, &errs
	_ = cmd.Run() // the code says it
	return root, out.String(), strings.ReplaceAll(errs.String(), root, ""), cmd.ProcessState.ExitCode()
}

var credHub = []string{`VCAP_PLATFORM_OPTIONS={"credhub-uri":"https://c"}`, `VCAP_SERVICES={"a":[{"credentials":{"credhub-ref":"/c"}}]}`}

const banner = "Invoking pre-start scripts.\nInvoking start command.\n"

func TestLaunch(t *testing.T) {
	t.Parallel()
	app := map[string]string{"app/x": ""}
	tests := map[string]struct {
		files  map[string]string
		env    []string
		args   []string
		stdout string
		stderr string
		code   int
	}{
		"two arguments":          {app, nil, []string{"app", "true"}, "", "launcher: received only 2 arguments\nUsage: launcher <app-directory> <start-command> <metadata>\n", 1},
		"no command":             {app, nil, []string{"app", "", ""}, "", "launcher: no start command specified or detected in droplet\n", 1},
		"flags at the end":       {app, nil, []string{"app", "echo on", "-credhubRetryDelay=2s", "--credhub-connect-attempts", "7"}, banner + "on\n", "", 0},
		"text at the end":        {app, nil, []string{"app", "echo on", "{}", "-no-flag"}, banner + "on\n", "", 0},
		"help":                   {app, nil, []string{"app", "echo on", "-h"}, "", "Usage of launcher:", 0},
		"no such flag":           {app, nil, []string{"app", "echo on", "-x"}, "", "flag provided but not defined: -x\n", 2},
		"platform options":       {app, []string{"VCAP_PLATFORM_OPTIONS=x"}, []string{"app", "echo on", ""}, "", "Invalid platform options: invalid character 'x' looking for beginning of value\n", 3},
		"CredHub":                {app, credHub, []string{"app", "echo on", ""}, "", "Unable to interpolate credhub refs: there is no CredHub here: give the credentials", 3},
		"CredHub, left alone":    {app, append([]string{"CREDHUB_SKIP_INTERPOLATION=1"}, credHub...), []string{"app", "echo on", ""}, banner + "on\n", "", 0},
		"no profile files":       {map[string]string{"app/.profile.d/.hidden": "echo hidden", "app/.profile/x": ""}, nil, []string{"app", "echo on", ""}, banner + "on\n", "", 0},
		"blank in a name":        {map[string]string{"app/.profile.d/a b": "echo a b", "app/.profile.d/c": "echo c"}, nil, []string{"app", "echo on", ""}, "Invoking pre-start scripts.\nc\nInvoking start command.\non\n", "a: No such file or directory", 0},
		"one process to the end": {app, nil, []string{"app", `kill -TERM $$`, ""}, banner, "", -1},
		"broken staging info":    {map[string]string{"app/x": "", "staging_info.yml": "{"}, nil, []string{"app", "true", ""}, "", "Invalid staging info - ", 1},
		"droplet's command":      {map[string]string{"app/x": "", "staging_info.yml": `{"start_command":"echo theirs"}`}, nil, []string{"app", "", "{}"}, banner + "theirs\n", "", 0},
		"own command":            {map[string]string{"app/x": "", "staging_info.yml": `{"start_command":"echo theirs"}`}, nil, []string{"app", "ls; exit 9", "{}"}, banner + "x\n", "", 9},
		"prefix is split":        {map[string]string{"app/x": "", "staging_info.yml": `{"config":{"entrypoint_prefix":"echo a  b"}}`}, nil, []string{"app", "c  d", ""}, banner + "a b c  d\n", "", 0},
		"order": {map[string]string{
			"profile.d/b.sh": "echo profile.d/b in $PWD; export A=${A}b", "profile.d/a": "echo profile.d/a; export A=a", "profile.d/.hidden": "echo hidden",
			"app/.profile.d/c.sh": "echo .profile.d/c; A=${A}c", "app/.profile": "echo .profile; A=${A}d",
		}, nil, []string{"app", `echo "$A"`, ""}, "Invoking pre-start scripts.\nprofile.d/a\nprofile.d/b in ROOT/app\n.profile.d/c\n.profile\nInvoking start command.\nabcd\n", "", 0},
		"failing script goes on": {map[string]string{"app/.profile": "false"}, nil, []string{"app", "echo on", ""}, banner + "on\n", "", 0},
		"exit in a script":       {map[string]string{"app/.profile": "exit 5"}, nil, []string{"app", "echo on", ""}, "Invoking pre-start scripts.\n", "", 5},
		"set -e leaks":           {map[string]string{"app/.profile": "set -e", "app/.profile.d/x": ""}, nil, []string{"app", "echo on", ""}, banner + "on\n", "", 0},
		"no app folder":          {map[string]string{"y": ""}, nil, []string{"app", "ls", ""}, banner + "y\n", "cd: /app: No such file or directory\n", 0},
		"environment":            {app, []string{"PORT=8080", `VCAP_PLATFORM_OPTIONS={"credhub-uri":"https://c"}`, "HOME=/x", "DATABASE_URL=mine"}, []string{"app", `echo $HOME $TMPDIR $DEPS_DIR $DATABASE_URL "${VCAP_PLATFORM_OPTIONS-unset}"`, ""}, banner + "ROOT/app ROOT/tmp ROOT/deps mine unset\n", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, stdout, stderr, code := run(t, test.files, test.env, test.args...)
			if code != test.code {
				t.Errorf("code %d, want %d", code, test.code)
			}
			if diff := cmp.Diff(strings.ReplaceAll(test.stdout, "ROOT", root), stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if !strings.Contains(stderr, test.stderr) || test.stderr == "" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, test.stderr)
			}
		})
	}
}

var scripts = map[string]string{
	"profile.d/a": "echo profile.d/a", "app/.profile.d/b": "echo .profile.d/b", "app/.profile": "echo .profile",
	"staging_info.yml": `{"start_command":"echo theirs"}`,
}

// TestTask: stdout is the command's and the scripts' alone.
func TestTask(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, stdout, stderr, code := runIn(t, scripts, nil, []string{self, "launch-task", "app", "echo mine; exit 3", ""})
	if want := "profile.d/a\n.profile.d/b\n.profile\nmine\n"; stdout != want || stderr != banner || code != 3 {
		t.Errorf("stdout %q, stderr %q, code %d", stdout, stderr, code)
	}
}

// TestShell: the same but for .profile and the banner.
func TestShell(t *testing.T) {
	t.Parallel()
	_, stdout, stderr, code := runIn(t, scripts, nil, ShellArgs("ROOT/app", `pwd; echo "$#"; exit 3`))
	root, ok := strings.CutSuffix(strings.TrimPrefix(stdout, "profile.d/a\n.profile.d/b\n"), "/app\n0\n")
	if !ok || !filepath.IsAbs(root) || stderr != "" || code != 3 {
		t.Errorf("stdout %q, stderr %q, code %d", stdout, stderr, code)
	}
	if args := ShellArgs("/app", ""); args[len(args)-1] != "bash" {
		t.Errorf("an interactive shell is %q", args)
	}
}

func TestEnv(t *testing.T) {
	t.Parallel()
	got := Env([]string{
		"INSTANCE_GUID=g", "INSTANCE_INDEX=2", "PORT=61001", "A=b=c",
		`VCAP_APPLICATION={"z":1,"big":12345678901234567890,"limits":{"mem":64},"name":"<a>"}`,
		`VCAP_SERVICES={"b":[{"credentials":{"uri":"postgresql://u:p@h/b"}}],"a":[{"credentials":"text"},{"credentials":{"uri":"amqp://x"}}]}`,
	}, "/home/vcap/app")
	want := []string{
		"A=b=c", "DATABASE_URL=postgres://u:p@h/b", "DEPS_DIR=/home/vcap/deps", "HOME=/home/vcap/app",
		"INSTANCE_GUID=g", "INSTANCE_INDEX=2", "PORT=61001", "TMPDIR=/home/vcap/tmp",
		`VCAP_APPLICATION={"big":12345678901234567890,"host":"0.0.0.0","instance_id":"g","instance_index":2,"limits":{"mem":64},"name":"\u003ca\u003e","port":61001,"z":1}`,
		`VCAP_SERVICES={"b":[{"credentials":{"uri":"postgresql://u:p@h/b"}}],"a":[{"credentials":"text"},{"credentials":{"uri":"amqp://x"}}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVCAPApplicationThatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", "[]", "{", "7", "{} {}"} {
		env := map[string]string{"VCAP_APPLICATION": text}
		if got, ok := completeVCAPApplication(env); ok {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	for services, want := range map[string]string{
		"": "", "{}": "", "not JSON": "",
		`{"x":[{"credentials":{"uri":"mysql://a"}}]}`:                                              "mysql2://a",
		`{"x":[{"credentials":{"uri":"mysql2://a"}}]}`:                                             "mysql2://a",
		`{"x":[{"credentials":{"uri":"redis://a"}}]}`:                                              "",
		`{"b":[{"credentials":{"uri":"mysql://b"}}],"a":[{"credentials":{"uri":"postgres://a"}}]}`: "postgres://a",
		`{"x":[{"credentials":{"uri":"POSTGRESQL://U:p%40@H:5/d"}}]}`:                              "postgres://U:p%40@H:5/d",
		`{"x":[{"credentials":{"uri":"postgres://u:%zz@h"}},{"credentials":{"uri":"mysql:x"}}]}`:   "mysql2:x",
		`{"x":[{"credentials":{"uri":7}}]}`:                                                        "",
	} {
		if got := DatabaseURL(services); got != want {
			t.Errorf("%s: %q, want %q", services, got, want)
		}
	}
}
