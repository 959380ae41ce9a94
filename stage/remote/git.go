package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// git runs the program git for one address.
type git struct {
	address Address
	dir     string // where it works; "" = nowhere
}

// gitOptions hold for all that is run. The repository is not trusted: no
// hooks, and what it contains is written as it is.
var gitOptions = []string{
	"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.autocrlf=false", "-c", "core.symlinks=true",
	"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false", "-c", "init.defaultBranch=main",
}

// helper answers git's question for a password from the environment, where
// other users of the machine cannot see it as they see arguments.
const helper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$WADI_GIT_USER" "$WADI_GIT_PASSWORD"; }; f`

// args are the arguments of a command. A password is for the host of its
// address alone, wherever submodules or redirections lead, and no helper of
// the user's gets to store it.
func (g git) args(command []string) []string {
	args := gitOptions
	if g.address.user != "" || g.address.password != "" {
		args = append(args[:len(args):len(args)], "-c", "credential.helper=", "-c", "credential."+g.address.host+".helper="+helper)
	}
	return append(args[:len(args):len(args)], command...)
}

// environ is the environment of git: the user's, so that it finds keys,
// helpers, proxies and certificates, without what would point it to another
// repository, and without what is wadi's and Nomad's. It asks nobody, and
// speaks https and ssh alone, in submodules too.
func (g git) environ(environ []string) []string {
	var env []string
	set := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "NOMAD_") || strings.HasPrefix(name, "WADI_") || strings.HasPrefix(name, "GIT_") && !keepsGit(name) {
			continue
		}
		set[name] = value
		env = append(env, e)
	}
	if ca := set["SSL_CERT_FILE"]; ca != "" && set["GIT_SSL_CAINFO"] == "" { // as for archives
		env = append(env, "GIT_SSL_CAINFO="+ca)
	}
	return append(env, "GIT_ALLOW_PROTOCOL=https:ssh", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never",
		"GCM_INTERACTIVE=never", "GIT_HTTP_LOW_SPEED_LIMIT=1000", "GIT_HTTP_LOW_SPEED_TIME=60", "LC_ALL=C",
		"WADI_GIT_USER="+g.address.user, "WADI_GIT_PASSWORD="+g.address.password)
}

// keepsGit says which of git's own variables are about the way to a server.
func keepsGit(name string) bool {
	switch name {
	case "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH":
		return true
	}
	return strings.HasPrefix(name, "GIT_SSL_") || strings.HasPrefix(name, "GIT_PROXY_")
}

// run runs a command of git's and returns what it printed.
func (g git) run(ctx context.Context, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", g.args(command)...)
	cmd.Dir, cmd.Env = g.dir, g.environ(os.Environ())
	// A session of its own: no terminal to ask for passwords on, and all that
	// git starts can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", &SourceError{Shown: g.address.Shown, Reason: "git is not installed, and buildpacks from repositories need it",
			Fix: "install git (apt-get install git, dnf install git, apk add git, brew install git)"}
	}
	return "", &gitError{command: command[0], said: g.said(stderr.String()), err: err}
}

// gitError is a git that failed. said is the end of what it said, without
// secrets.
type gitError struct {
	command, said string
	err           error
}

func (e *gitError) Error() string {
	if e.said == "" {
		return fmt.Sprintf("git %s: %v", e.command, e.err)
	}
	return fmt.Sprintf("git %s: %s", e.command, e.said)
}

func (e *gitError) Unwrap() error { return e.err }

// said is what git and the server wrote, on one line: the last few, without
// passwords and without what a terminal would obey.
func (g git) said(stderr string) string {
	const most = 4
	var lines []string
	for line := range strings.SplitSeq(stderr, "\n") {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, line))
		if line != "" && !strings.HasPrefix(line, "hint:") {
			lines = append(lines, line)
		}
	}
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return g.address.hideSecrets(strings.Join(lines, "; "))
}

// hideSecrets takes the address as it really is out of a text, the password,
// and the user where it stands alone, as tokens do.
func (a Address) hideSecrets(text string) string {
	shown, _, _ := strings.Cut(a.Shown, "#")
	text = strings.ReplaceAll(text, a.url, shown)
	secrets := []string{a.password}
	if a.password == "" {
		secrets = []string{a.user}
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// rejections are what git says when a server has answered, and another try
// would get the same answer.
var rejections = []struct{ says, reason, fix string }{
	{"Authentication failed", "the server refuses the user and password", fixAccess},
	{"could not read Username", "the server wants a user and password", fixAccess},
	{"could not read Password", "the server wants a password", fixAccess},
	{"Permission denied (", "the server refuses the key", "add the key to ssh-agent (ssh-add) and to the server, and try `git ls-remote` with that address"},
	{"Host key verification failed", "the host key is not known", "connect once by hand with ssh, check the key, and accept it"},
	{"Repository not found", "there is no such repository, or it is not yours to read", fixAccess},
	{"returned error: 403", "the server forbids it", fixAccess},
	{"returned error: 401", "the server wants a user and password", fixAccess},
	{"does not appear to be a git repository", "there is no repository there", fixAddress},
	{"not valid: is this a git repository?", "there is no repository there", fixAddress},
	{"' not found", "there is no repository there", fixAddress},
	{"server certificate verification failed", "its certificate is not trusted", fixCertificate},
	{"SSL certificate problem", "its certificate is not trusted", fixCertificate},
	{"transport '", "it leads to a way of fetching that is not allowed", "use https:// or ssh://, in submodules too"},
}

// What to do about sources that refuse.
const (
	fixAccess      = "check the address, and put user and token into it (https://user:token@host/…, from a sensitive variable) or into git's credential helper"
	fixAddress     = "check the address; an archive ends in .zip, .tgz, .tar.gz or .tar"
	fixCertificate = "set SSL_CERT_FILE (or git's http.sslCAInfo) to the certificate of its authority"
)

// explain makes the error of a server out of one of git's.
func (a Address) explain(err error) error {
	var failed *gitError
	if !errors.As(err, &failed) {
		return err
	}
	for _, r := range rejections {
		if strings.Contains(failed.said, r.says) {
			return &SourceError{Shown: a.Shown, Reason: r.reason, Fix: r.fix, Err: failed}
		}
	}
	return &UnreachableError{Shown: a.Shown, Err: failed}
}
