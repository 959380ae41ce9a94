package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/spec"
)

func TestAnnotations(t *testing.T) {
	t.Parallel()
	g := github{on: true, workspace: "/w", dir: "/w/app"}
	const place = "::error file=app/manifest.yml,line=3,col=11,"
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a line of a file", spec.Diagnostics{{Severity: spec.SeverityError, Summary: "Memory is not a number", Detail: "Write 256M.",
			File: "/w/app/manifest.yml", Line: 3, Column: 11, Field: "applications[0].memory"}},
			place + "title=wadi%3A applications[0].memory::Memory is not a number%0AWrite 256M.\n"},
		{"every character that means something", spec.Diagnostics{{Severity: spec.SeverityWarning, Summary: "100%: a,b\r\nc", File: "/w/a:b,c%.yml", Field: "x,y:z%\n"}},
			"::warning file=a%3Ab%2Cc%25.yml,title=wadi%3A x%2Cy%3Az%25%0A::100%25: a,b%0D%0Ac\n"},
		{"no command of somebody else", spec.Diagnostics{{Severity: spec.SeverityError, Summary: "x\n::add-mask::y"}},
			"::error title=wadi::x%0A::add-mask::y\n"},
		{"outside of the workspace", spec.Diagnostics{{Severity: spec.SeverityError, Summary: "s", File: "/etc/manifest.yml"}},
			"::error file=/etc/manifest.yml,title=wadi::s\n"},
		{"no file", withHint(errors.New("Nomad does not answer"), "start it"), "::error title=wadi::Nomad does not answer%0Astart it\n"},
		{"already said", errReported, ""},
		{"changes are no failure", errChanges, ""},
		{"another program's exit code", exitStatus(3), ""},
	} {
		var out strings.Builder
		if err := g.failure(&out, c.err); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%swant\n%s", c.name, err, out.String(), c.want)
		}
		out.Reset()
		if err := (github{}).failure(&out, c.err); err != nil || out.Len() > 0 {
			t.Errorf("%s: elsewhere it writes %q, %v", c.name, out.String(), err)
		}
	}
}

func TestRepositoryPath(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"work/plain/app", "work/cloned/.git", "work/cloned/app", "work/cloned/lib"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// a submodule's .git is a file: the annotations are the outer repository's
	if err := os.WriteFile(filepath.Join(dir, "work/cloned/lib/.git"), []byte("gitdir: ../.git/modules/lib\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("work", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ workspace, file, want string }{
		{"work", "work/plain/app/manifest.yml", "plain/app/manifest.yml"},
		{"work", "work/cloned/app/manifest.yml", "app/manifest.yml"},
		{"work", "work/cloned/lib/manifest.yml", "lib/manifest.yml"},
		{"work/cloned", "work/cloned/manifest.yml", "manifest.yml"},
		{"work/cloned/app", "work/cloned/app/manifest.yml", "manifest.yml"},
		{"link", "work/plain/app/manifest.yml", "plain/app/manifest.yml"},
		{"work", "link/plain/app/manifest.yml", "plain/app/manifest.yml"},
	} {
		g := github{workspace: filepath.Join(dir, c.workspace)}
		if got := g.repositoryPath(filepath.Join(dir, c.file)); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.file, c.workspace, got, c.want)
		}
	}
	g := github{dir: filepath.Join(dir, "work/plain")}
	if got := g.repositoryPath(filepath.Join(dir, "work/cloned/app/manifest.yml")); got != "app/manifest.yml" {
		t.Errorf("without a workspace: %s", got)
	}
}
