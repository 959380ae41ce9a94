package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"wadi/spec"
)

func TestLookAt(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"index.html": "staticfile", "Staticfile": "staticfile", "Procfile": "procfile", "go.mod": "binary", "bin/detect": "",
	} {
		if got := lookAt(fstest.MapFS{file: {}}); got.buildpack != want {
			t.Errorf("a folder with %s: buildpack %q, want %q", file, got.buildpack, want)
		}
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
