package spec

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden loads the files of each testdata/golden/*.txtar and compares the
// document (want.json) and the diagnostics' text (want.txt). Lines of the
// comment before the files are options: `var k=v`, `vars-file f`, `app a`,
// `path p`, `env K=V`, `implied`, `project-var k=v`, `project-vars-file f`,
// `version v`.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runGolden(t, file)
		})
	}
}

func runGolden(t *testing.T, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := extract(t, ar)
	o := Options{FS: OSFS(), Dir: dir}
	env := map[string]string{}
	for _, line := range strings.Split(string(ar.Comment), "\n") {
		word, arg, _ := strings.Cut(line, " ")
		switch word {
		case "var":
			o.Vars = append(o.Vars, arg)
		case "project-var":
			o.ProjectVars = append(o.ProjectVars, arg)
		case "project-vars-file":
			o.ProjectVarsFiles = append(o.ProjectVarsFiles, arg)
		case "version":
			o.Version = arg
		case "vars-file":
			o.VarsFiles = append(o.VarsFiles, arg)
		case "app":
			o.Apps = append(o.Apps, arg)
		case "path":
			o.Paths = append(o.Paths, arg)
		case "implied":
			o.ImpliedApp = true
		case "env":
			k, v, _ := strings.Cut(arg, "=")
			env[k] = v
		case "", "#":
		default:
			t.Fatalf("unknown option %q", line)
		}
	}
	o.Env = func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	doc, diags := Load(context.Background(), o)
	clean := strings.NewReplacer(dir, "$DIR", filepath.Dir(dir), "$UP").Replace
	got := map[string]string{"want.txt": clean(text(t, diags, dir)), "want.json": clean(appsJSON(t, doc))}
	if *update {
		rewrite(t, file, ar, got)
		return
	}
	for _, f := range ar.Files {
		if want, ok := got[f.Name]; ok {
			if diff := cmp.Diff(string(f.Data), want); diff != "" {
				t.Errorf("%s (-want +got):\n%s", f.Name, diff)
			}
			delete(got, f.Name)
		}
	}
	for name := range got {
		t.Errorf("the golden file has no %s", name)
	}
}

func text(t *testing.T, diags Diagnostics, dir string) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, diags, dir, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func appsJSON(t *testing.T, doc *Document) string {
	t.Helper()
	report, err := ReportJSON(doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Apps json.RawMessage `json:"apps"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatal(err)
	}
	return string(r.Apps) + "\n"
}

// extract writes the archive's input files to a new folder.
func extract(t *testing.T, ar *txtar.Archive) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range ar.Files {
		if strings.HasPrefix(f.Name, "want.") {
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rewrite(t *testing.T, file string, ar *txtar.Archive, got map[string]string) {
	t.Helper()
	var kept []txtar.File
	for _, f := range ar.Files {
		if !strings.HasPrefix(f.Name, "want.") {
			kept = append(kept, f)
		}
	}
	for _, name := range []string{"want.txt", "want.json"} {
		kept = append(kept, txtar.File{Name: name, Data: []byte(got[name])})
	}
	ar.Files = kept
	if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
