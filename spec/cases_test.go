package spec

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// caseFile is one NNN-name.expect.json of testdata/manifest. Errors and
// Warnings are ours: all that is said, in its order.
type caseFile struct {
	Errors       []finding `json:"errors"`
	Warnings     []finding `json:"warnings"`
	ID           string    `json:"id"`
	Valid        bool      `json:"valid"`
	ErrorHas     []string  `json:"error_contains"`
	ErrorField   string    `json:"error_field"`
	ErrorCount   *int      `json:"error_count"`
	Apps         []any     `json:"apps"`
	Absent       []string  `json:"absent"`
	VarsFiles    []string  `json:"vars_files"`
	EffProcesses []any     `json:"effective_processes"`
	Args         struct {
		AppName string            `json:"app_name"`
		Var     json.RawMessage   `json:"var"`
		Env     map[string]string `json:"env"`
	} `json:"args"`
}

// finding is one diagnostic: its text contains Says, Field is its field below
// applications[0] ("" = not looked at), Line and Column 0 are not looked at.
type finding struct {
	Says   string `json:"says"`
	Fix    string `json:"fix"`
	Field  string `json:"field"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// flags are the case's --var flags: one string, a list, or a map.
func (c caseFile) flags(t *testing.T) []string {
	var one string
	var list []string
	var m map[string]any
	switch {
	case c.Args.Var == nil:
	case json.Unmarshal(c.Args.Var, &one) == nil:
		list = []string{one}
	case json.Unmarshal(c.Args.Var, &list) == nil:
	case json.Unmarshal(c.Args.Var, &m) == nil:
		for k, v := range m {
			list = append(list, fmt.Sprintf("%s=%v", k, v))
		}
	default:
		t.Fatalf("args.var of another shape: %s", c.Args.Var)
	}
	return list
}

func TestCases(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("testdata/manifest")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.expect.json"))
	if err != nil || len(files) < 40 {
		t.Fatalf("only %d cases found: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".expect.json"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runCase(t, OSFS(), dir, data)
		})
	}
}

// TestRules runs cases of the same form that are ours, one archive a part of
// the rules: NAME.manifest.yml and NAME.vars.yml with their NAME.expect.json.
func TestRules(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no cases found: %v", err)
	}
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{}
		for _, f := range archive.Files {
			files[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		for _, f := range archive.Files {
			name, isCase := strings.CutSuffix(f.Name, ".expect.json")
			if !isCase {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				t.Parallel()
				expect := strings.Replace(string(f.Data), "{", fmt.Sprintf("{\"id\": %q,", name), 1)
				runCase(t, memFS{files}, "/p", []byte(expect))
			})
		}
	}
}

func runCase(t *testing.T, files FS, dir string, data []byte) {
	var c caseFile
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	o := Options{FS: files, Dir: dir, Paths: []string{c.ID + ".manifest.yml"}, VarsFiles: c.VarsFiles, Vars: c.flags(t),
		Env: func(k string) (string, bool) { v, ok := c.Args.Env[k]; return v, ok }}
	if c.Args.AppName != "" {
		o.Apps = []string{c.Args.AppName}
	}
	doc, diags := Load(context.Background(), o)
	report, err := ReportJSON(doc, diags)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Valid bool  `json:"valid"`
		Apps  []any `json:"apps"`
	}
	if err := json.Unmarshal(report, &got); err != nil {
		t.Fatal(err)
	}
	if got.Valid != c.Valid {
		t.Errorf("valid: %v, want %v\n%s", got.Valid, c.Valid, report)
	}
	if c.Apps != nil {
		subset(t, "apps", c.Apps, got.Apps)
	}
	c.checkErrors(t, diags)
	checkFindings(t, c.Errors, diags, SeverityError)
	checkFindings(t, c.Warnings, diags, SeverityWarning)
	c.checkAbsent(t, got.Apps)
	if c.EffProcesses != nil {
		subset(t, "effective", c.EffProcesses, effective(t, doc.Apps[0]))
	}
}

func (c caseFile) checkErrors(t *testing.T, diags Diagnostics) {
	errs := diags.Errors()
	for _, want := range c.ErrorHas {
		found := false
		for _, d := range errs {
			found = found || strings.Contains(d.Summary, want)
		}
		if !found {
			t.Errorf("no error says %q:\n%s", want, errs.Error())
		}
	}
	if c.ErrorCount != nil && len(errs) != *c.ErrorCount {
		t.Errorf("%d errors, want %d:\n%s", len(errs), *c.ErrorCount, errs.Error())
	}
	if c.ErrorField == "" {
		return
	}
	for _, d := range errs {
		if (d.Field == c.ErrorField || strings.HasPrefix(d.Field, c.ErrorField+".")) && d.Line > 0 && d.Column > 0 && d.Detail != "" {
			return
		}
	}
	t.Errorf("no error with a position is in field %s: %+v", c.ErrorField, errs)
}

// checkFindings wants all diagnostics of a severity; nil = not looked at.
func checkFindings(t *testing.T, want []finding, diags Diagnostics, severity Severity) {
	if want == nil {
		return
	}
	var got []Diagnostic
	for _, d := range diags {
		if d.Severity == severity {
			got = append(got, d)
		}
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) {
			t.Errorf("%d of severity %s, want %d:\n%+v", len(got), severity, len(want), got)
			return
		}
		w, g := want[i], got[i]
		if !strings.Contains(g.Summary, w.Says) || !strings.Contains(g.Detail, w.Fix) || g.Detail == "" ||
			w.Field != "" && g.Field != w.Field && g.Field != "applications[0]."+w.Field ||
			w.Line != 0 && g.Line != w.Line || w.Column != 0 && g.Column != w.Column {
			t.Errorf("%s %d: got %+v, want %+v", severity, i, g, w)
		}
	}
}

func (c caseFile) checkAbsent(t *testing.T, apps []any) {
	for _, name := range c.Absent {
		app := apps[0].(map[string]any)
		typ, key, isProcess := strings.Cut(name, ".")
		if !isProcess {
			if _, ok := app[name]; ok {
				t.Errorf("%s is set", name)
			}
			continue
		}
		processes, _ := app["processes"].([]any)
		for _, p := range processes {
			if p := p.(map[string]any); p["type"] == typ && p[key] != nil {
				t.Errorf("%s is set", name)
			}
		}
	}
}

// effective is EffectiveProcesses in the shape of the report.
func effective(t *testing.T, app App) []any {
	app.Processes = EffectiveProcesses(app)
	report, err := ReportJSON(&Document{Apps: []App{app}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Apps []struct {
			Processes []any `json:"processes"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(report, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Apps[0].Processes
}

// subset wants every key of want in got; lists must be equally long.
func subset(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %v, want %v", at, got, want)
			return
		}
		for k, v := range want {
			if _, ok := m[k]; !ok {
				t.Errorf("%s.%s is missing", at, k)
				continue
			}
			subset(t, at+"."+k, v, m[k])
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			t.Errorf("%s: %v, want %v", at, got, want)
			return
		}
		for i := range want {
			subset(t, fmt.Sprintf("%s[%d]", at, i), want[i], list[i])
		}
	default:
		if got != want {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}
