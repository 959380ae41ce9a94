package spec

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// caseFile is one NNN-name.expect.json of testdata/manifest (README.md there).
type caseFile struct {
	ID           string   `json:"id"`
	Valid        bool     `json:"valid"`
	ErrorHas     []string `json:"error_contains"`
	ErrorField   string   `json:"error_field"`
	ErrorCount   *int     `json:"error_count"`
	Apps         []any    `json:"apps"`
	Absent       []string `json:"absent"`
	VarsFiles    []string `json:"vars_files"`
	EffProcesses []any    `json:"effective_processes"`
	Args         struct {
		AppName string            `json:"app_name"`
		Var     json.RawMessage   `json:"var"`
		Env     map[string]string `json:"env"`
	} `json:"args"`
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
			runCase(t, dir, file)
		})
	}
}

func runCase(t *testing.T, dir, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c caseFile
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	o := Options{FS: OSFS(), Dir: dir, Paths: []string{c.ID + ".manifest.yml"}, VarsFiles: c.VarsFiles, Vars: c.flags(t),
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
