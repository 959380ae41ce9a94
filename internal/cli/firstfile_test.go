package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"wadi/spec"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builtin"
)

// builtins writes the built-in buildpacks into a folder of the test.
func builtins(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	// What a parallel test starts would have a script open for writing, and who
	// runs it then hears "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for _, name := range lifecycle.Builtins() {
		if err := builtin.Write(filepath.Join(dir, name), name, "/nowhere/lifecycle", nil); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLookAt holds what init says to what the buildpacks themselves detect.
func TestLookAt(t *testing.T) {
	t.Parallel()
	packs := builtins(t)
	for _, c := range []struct {
		files   string // name=content, by blanks
		command bool   // left to the user
	}{
		{"index.html", false},
		{"Staticfile package.json", false},
		{"package.json={\"scripts\":{\"start\":\"node_x\"}} index.html", false},
		{"package.json={}", true},
		{"package.json={} server.js", false},
		{"package.json={} Procfile", false},
		{"go.mod Procfile", false},
		{"requirements.txt Procfile", false},
		{"requirements.txt index.html", true},
		{"pyproject.toml=[project]", true},
		{"pyproject.toml=[tool.ruff] Procfile", false},
		{"environment.yml", true},
		{"Procfile index.html", false},
		{"main.c", true},
	} {
		app := t.TempDir()
		for file := range strings.FieldsSeq(c.files) {
			name, content, _ := strings.Cut(file, "=")
			if err := os.WriteFile(filepath.Join(app, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := "binary" // detects nothing: it has to be named
		for _, name := range lifecycle.Builtins() {
			if exec.Command(filepath.Join(packs, name, "bin/detect"), app).Run() == nil {
				want = name
				break
			}
		}
		if got := lookAt(os.DirFS(app)); got.buildpack != want || got.command != c.command {
			t.Errorf("%s: buildpack %q, command to fill in %v; want %q, %v", c.files, got.buildpack, got.command, want, c.command)
		}
	}
	if got := lookAt(fstest.MapFS{"bin/detect": {}, "go.mod": {}}); got.buildpack != "" {
		t.Errorf("a buildpack is taken for an app of %s", got.buildpack)
	}
}

// FuzzFirstFile holds whatever init writes to what spec reads, for any name
// that a folder can have.
func FuzzFirstFile(f *testing.F) {
	for _, name := range []string{"shop", "My App", "a.b", `quo"te`, "${env}", "%{if}", `back\slash`, "grün", "new\nline"} {
		f.Add(name)
	}
	kinds := []fstest.MapFS{{"index.html": {}}, {"Procfile": {}}, {"main.c": {}}, {"bin/detect": {}}}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.TrimSpace(name) == "" || strings.ContainsAny(name, "/\x00") || len(name) > 100 || strings.ToValidUTF8(name, "") != name {
			t.Skip()
		}
		for _, kind := range kinds {
			text := firstFile(name, lookAt(kind))
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "wadi.hcl"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			doc, diags := spec.Load(t.Context(), spec.Options{FS: spec.OSFS(), Dir: dir, Env: func(string) (string, bool) { return "", false }})
			// an app's name may have no control characters; HCL normalises unicode
			if clean(name) != name || diags.HasErrors() && !ascii(name) {
				continue
			}
			if diags.HasErrors() {
				t.Fatalf("%v\n%s", diags, text)
			}
			if ascii(name) && (doc.Apps[0].Name != name || doc.Project != name) {
				t.Errorf("app %q of project %q, want %q", doc.Apps[0].Name, doc.Project, name)
			}
		}
	})
}

func ascii(s string) bool {
	for _, r := range s {
		if r < 0x20 || r > 0x7e {
			return false
		}
	}
	return true
}

// FuzzShellQuote asks a shell.
func FuzzShellQuote(f *testing.F) {
	for _, word := range []string{"plain", "two words", "it's", "$HOME", "-n", "a\\b", "", "`id`", "*"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			t.Skip()
		}
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q: %v", word, out, err)
		}
	})
}
