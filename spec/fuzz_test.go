package spec

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// memFS is a file system in memory, rooted at /p.
type memFS struct{ fstest.MapFS }

func (m memFS) rel(name string) string {
	rel, err := filepath.Rel("/p", name)
	if err != nil {
		return name
	}
	return rel
}
func (m memFS) Open(name string) (io.ReadCloser, error)    { return m.MapFS.Open(m.rel(name)) }
func (m memFS) Stat(name string) (fs.FileInfo, error)      { return m.MapFS.Stat(m.rel(name)) }
func (m memFS) ReadDir(name string) ([]fs.DirEntry, error) { return m.MapFS.ReadDir(m.rel(name)) }
func (m memFS) EvalSymlinks(name string) (string, error)   { return name, nil }

// tryLoad loads and renders everything; whatever the input, nothing may panic,
// positions must lie in the file, and the JSON must be one document.
func tryLoad(t *testing.T, files map[string][]byte, vars ...string) {
	t.Helper()
	m := memFS{fstest.MapFS{}}
	for name, data := range files {
		m.MapFS[name] = &fstest.MapFile{Data: data}
	}
	o := Options{FS: m, Dir: "/p", Vars: vars}
	if files["vars.yml"] != nil {
		o.VarsFiles = []string{"vars.yml"}
	}
	doc, diags := Load(context.Background(), o)
	report, err := ReportJSON(doc, diags)
	if err != nil || !json.Valid(report) {
		t.Fatalf("report: %v\n%s", err, report)
	}
	var b bytes.Buffer
	if err := WriteText(&b, diags, "/p", true); err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		if d.Summary == "" || d.Detail == "" || d.Line < 0 || d.Line > 0 && d.Column < 1 {
			t.Fatalf("incomplete diagnostic: %+v", d)
		}
	}
	for _, app := range doc.Apps {
		EffectiveProcesses(app)
		if !jobIDPattern.MatchString(JobID(app.Name)) {
			t.Fatalf("job id %q", JobID(app.Name))
		}
	}
}

func seed(f *testing.F, pattern string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds in %s: %v", pattern, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if filepath.Ext(file) != ".txtar" {
			f.Add(data)
			continue
		}
		for _, part := range txtar.Parse(data).Files {
			if filepath.Ext(part.Name) == ".hcl" {
				f.Add(part.Data)
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	seed(f, "testdata/manifest/*.manifest.yml")
	f.Fuzz(func(t *testing.T, data []byte) {
		tryLoad(t, map[string][]byte{"manifest.yml": data}, "a=1", "b=[x, {y: z}]")
	})
}

func FuzzHCL(f *testing.F) {
	seed(f, "testdata/golden/hcl-*.txtar")
	f.Add([]byte(`app "a" { memory = var.x }`))
	f.Fuzz(func(t *testing.T, data []byte) { tryLoad(t, map[string][]byte{"wadi.hcl": data}) })
}

func FuzzVars(f *testing.F) {
	seed(f, "testdata/manifest/*.vars.yml")
	manifest := []byte("applications:\n- name: x((a))\n  instances: ((n))\n  env: ((environment))\n  processes: ((procs.0.a))\n  routes: ((a.b))\n")
	f.Fuzz(func(t *testing.T, data []byte) {
		tryLoad(t, map[string][]byte{"manifest.yml": manifest, "vars.yml": data}, "n="+string(data))
	})
}
