package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wadi/internal/sourcetest"
)

func TestMain(m *testing.M) { sourcetest.Main(m) }

// store is a store that does not wait.
func store(t *testing.T) *Store {
	t.Helper()
	return &Store{Dir: t.TempDir(), Pause: func(int) time.Duration { return 0 }}
}

func parse(t *testing.T, text string) Address {
	t.Helper()
	a, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGitPinAndFetch(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	repo := server.Repository(t, "bp")
	first := repo.Commit(t, map[string]string{"bin/detect": "one", "README": "r"})
	repo.Git(t, "tag", "light")
	repo.Git(t, "tag", "--annotate", "--message=m", "v1")
	repo.Push(t, "light")
	repo.Push(t, "v1")
	second := repo.Commit(t, map[string]string{"bin/detect": "two"})
	repo.Git(t, "checkout", "--quiet", "-b", "feature/x")
	branch := repo.Commit(t, map[string]string{"bin/detect": "three"})
	s := store(t)
	tests := []struct{ ref, commit, what, content string }{
		{"", second, "default branch", "two"},
		{"#main", second, "branch main", "two"},
		{"#feature/x", branch, "branch feature/x", "three"},
		{"#light", first, "tag light", "one"},
		{"#v1", first, "tag v1", "one"}, // the commit, not the tag object
		{"#" + first, first, "commit", "one"},
	}
	for _, tt := range tests {
		t.Run(tt.ref, func(t *testing.T) {
			t.Parallel()
			pin, err := s.Pin(t.Context(), parse(t, server.URL+"/bp.git"+tt.ref), "")
			if err != nil || pin.Digest != tt.commit || pin.What != tt.what {
				t.Fatalf("pin %s (%s), %v; want %s (%s)", pin.Digest, pin.What, err, tt.commit, tt.what)
			}
			dir, err := s.Fetch(t.Context(), pin)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, dir+"/bin/detect"); got != tt.content {
				t.Errorf("bin/detect is %q, want %q", got, tt.content)
			}
			if _, err := os.Lstat(dir + "/.git"); err == nil {
				t.Error(".git is left")
			}
		})
	}
}

// A pin asks the server; what it stands for is fetched once.
func TestGitMovedBranch(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	repo := server.Repository(t, "bp")
	repo.Commit(t, map[string]string{"bin/detect": "one"})
	s, address := store(t), parse(t, server.URL+"/bp.git#main")
	before, err := s.Pin(t.Context(), address, "")
	if err != nil {
		t.Fatal(err)
	}
	repo.Commit(t, map[string]string{"bin/detect": "two"})
	dir, err := s.Fetch(t.Context(), before)
	if err != nil || read(t, dir+"/bin/detect") != "one" {
		t.Fatalf("the pin's content is not what was pinned (%v)", err)
	}
	asked := len(server.Requests())
	if again, err := s.Fetch(t.Context(), before); err != nil || again != dir || len(server.Requests()) != asked {
		t.Errorf("fetched again: %s, %v", again, err)
	}
	after, err := s.Pin(t.Context(), address, "")
	if err != nil || after.Digest == before.Digest {
		t.Errorf("pinned to %s again (%v)", after.Digest, err)
	}
}

// The history may be rewritten: what was pinned is then gone, or not.
func TestGitCommitThatIsGone(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	server.Repository(t, "bp").Commit(t, map[string]string{"bin/detect": "one"})
	gone := strings.Repeat("1", 40)
	_, err := store(t).Fetch(t.Context(), Pin{Address: parse(t, server.URL+"/bp.git#main"), Digest: gone})
	var wrong *SourceError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "no commit "+gone) {
		t.Errorf("error %v", err)
	}
}

func TestGitSubmodules(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	server.Repository(t, "private/inner").Commit(t, map[string]string{"deep": "inner"})
	server.Repository(t, "private/helper").Commit(t, map[string]string{"lib/help": "helps"})
	outer := server.Repository(t, "private/outer")
	outer.Commit(t, map[string]string{"bin/detect": "d"})
	outer.Git(t, "submodule", "--quiet", "add", server.Dir+"/private/helper.git", "vendor/helper")
	outer.Git(t, "config", "--file=.gitmodules", "submodule.vendor/helper.url", "../helper.git")
	outer.Commit(t, nil)
	s := store(t)
	pin, err := s.Pin(t.Context(), parse(t, server.Login()+"/private/outer.git"), "")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Fetch(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir+"/vendor/helper/lib/help"); got != "helps" {
		t.Errorf("the submodule has %q", got)
	}

	// a submodule that leads elsewhere than https and ssh
	outer.Git(t, "config", "--file=.gitmodules", "submodule.vendor/helper.url", server.Dir+"/private/helper.git")
	outer.Commit(t, nil)
	for _, url := range []string{server.Dir + "/private/helper.git", "ext::sh -c touch% " + s.Dir + "/pwned", "--upload-pack=touch " + s.Dir + "/pwned"} {
		outer.Git(t, "config", "--file=.gitmodules", "submodule.vendor/helper.url", url)
		outer.Commit(t, nil)
		pin, err := s.Pin(t.Context(), parse(t, server.Login()+"/private/outer.git"), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Fetch(t.Context(), pin); err == nil {
			t.Errorf("a submodule at %s is taken", url)
		} else {
			noSecret(t, err)
		}
		if _, err := os.Lstat(s.Dir + "/pwned"); err == nil {
			t.Fatalf("a submodule at %s runs programs", url)
		}
	}
}

func noSecret(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{sourcetest.Password, "t0p", "geheim"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows the password", err)
		}
	}
}

func TestGitCredentials(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	server.Repository(t, "private/bp").Commit(t, map[string]string{"bin/detect": "d"})
	s := store(t)
	pin, err := s.Pin(t.Context(), parse(t, server.Login()+"/private/bp.git"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), pin); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(pin.Address.Shown, sourcetest.User) {
		t.Errorf("shown as %q", pin.Address.Shown)
	}
	err = filepath.WalkDir(s.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(read(t, path), "geheim") {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for address, says := range map[string]string{
		server.URL + "/private/bp.git": "the server wants a user and password",
		strings.Replace(server.URL, "://", "://deploy:wrong-t0p@", 1) + "/private/bp.git": "the server refuses the user and password",
	} {
		_, err := s.Pin(t.Context(), parse(t, address), "")
		var wrong *SourceError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
		noSecret(t, err)
	}
}

func TestGitErrors(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	server.Repository(t, "bp").Commit(t, map[string]string{"bin/detect": "d"})
	server.Repository(t, "empty")
	s := store(t)
	tests := []struct {
		address     string
		unreachable bool
		says        string
	}{
		{server.URL + "/bp.git#nowhere", false, `no branch or tag "nowhere"`},
		{server.URL + "/bp.git#abcdef1", false, "all its digits"},
		{server.URL + "/empty.git", false, "no default branch"},
		{server.URL + "/not-there.git", false, "there is no repository there"},
		{"https://127.0.0.1:1/bp.git", true, "https://127.0.0.1:1/bp.git: it cannot be reached"},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			t.Parallel()
			_, err := s.Pin(t.Context(), parse(t, tt.address), "")
			var away *UnreachableError
			if err == nil || errors.As(err, &away) != tt.unreachable || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q, unreachable: %v", err, tt.says, tt.unreachable)
			}
		})
	}
}

// What the user's environment has for other repositories, and what is
// wadi's, does not reach git.
func TestGitEnvironment(t *testing.T) {
	t.Parallel()
	env := git{address: parse(t, "https://u:secret@h/x.git")}.environ([]string{
		"HOME=/h", "https_proxy=http://p", "GIT_DIR=/elsewhere", "GIT_CONFIG_COUNT=1", "NOMAD_TOKEN=n", "WADI_X=1", "GIT_SSH_COMMAND=ssh -i key"})
	got := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"HOME": "/h", "https_proxy": "http://p", "GIT_SSH_COMMAND": "ssh -i key", "GIT_ALLOW_PROTOCOL": "https:ssh", "GIT_TERMINAL_PROMPT": "0", "WADI_GIT_PASSWORD": "secret",
	} {
		if got[name] != want {
			t.Errorf("%s=%q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"GIT_DIR", "GIT_CONFIG_COUNT", "NOMAD_TOKEN", "WADI_X"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s reaches git", name)
		}
	}
	for _, arg := range (git{address: parse(t, "https://u:secret@h/x.git")}).args([]string{"fetch"}) {
		if strings.Contains(arg, "secret") {
			t.Errorf("the password is an argument: %q", arg)
		}
	}
}

// What git says to ssh is what it would run on the other side; here that is
// this machine.
func TestGitOverSSH(t *testing.T) {
	server := sourcetest.Start(t)
	repo := server.Repository(t, "bp")
	commit := repo.Commit(t, map[string]string{"bin/detect": "d"})
	ssh := filepath.Join(t.TempDir(), "ssh")
	script := "#!/bin/sh\necho \"$@\" >>" + ssh + ".log\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c \"$1\"\n"
	if err := os.WriteFile(ssh, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSH_COMMAND", ssh)
	t.Setenv("GIT_SSH_VARIANT", "ssh")
	for _, address := range []string{"git@host.example:" + server.Dir + "/bp.git#main", "ssh://git@host.example:2222" + server.Dir + "/bp.git#main"} {
		s := store(t)
		pin, err := s.Pin(t.Context(), parse(t, address), "")
		if err != nil || pin.Digest != commit {
			t.Fatalf("pinned to %s, %v", pin.Digest, err)
		}
		if dir, err := s.Fetch(t.Context(), pin); err != nil || read(t, dir+"/bin/detect") != "d" {
			t.Errorf("fetched: %v", err)
		}
	}
	if log := read(t, ssh+".log"); !strings.Contains(log, "git@host.example git-upload-pack") || !strings.Contains(log, "-p 2222") {
		t.Errorf("ssh was run with %s", log)
	}
}

func TestGitMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := store(t).Pin(t.Context(), parse(t, "https://host.example/bp.git"), "")
	var wrong *SourceError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "install git") {
		t.Errorf("error %v", err)
	}
}

// A server that gives no single commits is asked for all there is; one that
// answers nothing is asked again.
func TestGitFetchAll(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	repo := server.Repository(t, "bp")
	old := repo.Commit(t, map[string]string{"bin/detect": "one"})
	repo.Commit(t, map[string]string{"bin/detect": "two"})
	s := store(t)
	pin := Pin{Address: parse(t, server.URL+"/bp.git#main"), Digest: old}
	dir := t.TempDir()
	g := git{address: pin.Address, dir: dir}
	for _, command := range [][]string{{"init", "--quiet"}, {"remote", "add", "origin", server.URL + "/bp.git"},
		{"config", "protocol.version", "0"}} { // in which only what a ref points to can be asked for
		if _, err := g.run(t.Context(), command...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.run(t.Context(), "fetch", "--depth=1", "origin", old); err == nil {
		t.Fatal("the server gives single commits: the test shows nothing")
	}
	if err := g.fetch(t.Context(), old); err != nil {
		t.Error(err)
	}
	gone := Pin{Address: parse(t, "https://127.0.0.1:1/bp.git"), Digest: old}
	var away *UnreachableError
	if _, err := s.Fetch(t.Context(), gone); !errors.As(err, &away) {
		t.Errorf("error %v", err)
	}
}

func TestResolveRef(t *testing.T) {
	t.Parallel()
	a, b, c := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	list := a + "\tHEAD\n" + b + "\trefs/heads/x\n" + c + "\trefs/tags/x\n" + a + "\trefs/tags/y\n" + b + "\trefs/tags/y^{}\n" + c + "\trefs/heads/z/refs/heads/w\nnoise\n"
	for ref, want := range map[string]string{"": a + " default branch", "x": b + " branch x", "y": b + " tag y", "w": " tag w"} {
		commit, what := resolveRef(list, ref)
		if got := commit + " " + what; got != want {
			t.Errorf("%q: %s, want %s", ref, got, want)
		}
	}
}
