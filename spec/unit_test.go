package spec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

func TestJobID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"shop":                  "shop",
		"shop-1":                "shop-1",
		"Shop":                  "shop-d00aae6b",
		"my.app":                "my-app-13d7e337",
		"my app":                "my-app-cccdfa68",
		"größe":                 "gr-e-d353a267",
		"日本":                    "app-cf2abf0c",
		strings.Repeat("a", 50): strings.Repeat("a", 50),
		strings.Repeat("a", 51): strings.Repeat("a", 41) + "-bfc5fe0e",
	} {
		if got := JobID(name); got != want || !jobIDPattern.MatchString(got) {
			t.Errorf("JobID(%q) = %q, want %q", name, got, want)
		}
	}
	if JobID("a.b") == JobID("a b") {
		t.Error("two names with one slug have one job id")
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1B": 1, "1k": 1024, "1KB": 1024, "1KiB": 1024, "1m": 1 << 20, "1.5G": 3 << 29, "2T": 2 << 40, "-1K": -1024,
		"0.3B": 0, "-0.3B": 0, " 1M ": 1 << 20, "20.1GB": 21582210662,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": ErrSizeNumber, "abc": ErrSizeNumber, "1": ErrSizeUnit, "1 M": ErrSizeUnit, "1X": ErrSizeUnit, "1,5G": ErrSizeUnit,
		"999999999999999999999T": ErrSizeNumber, "1e3M": ErrSizeUnit, "M": ErrSizeNumber,
	} {
		if _, err := ParseSize(text); !errors.Is(err, want) {
			t.Errorf("ParseSize(%q): %v, want %v", text, err, want)
		}
	}
}

func TestParseRoute(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Route{
		"a.example.com":           {Host: "a.example.com"},
		"A.Example.com/Path/x":    {Host: "a.example.com", Path: "/Path/x"},
		"https://a.example.com/x": {Host: "a.example.com", Path: "/x"},
		"http://single":           {Host: "single"},
		"tcp.example.com:1025":    {Host: "tcp.example.com", Port: 1025},
		"tcp://example.com:80":    {Host: "example.com", Port: 80},
		"*.example.com":           {Host: "*.example.com"},
		"a_b.example.com":         {Host: "a_b.example.com"},
	} {
		got, problem, _ := parseRoute(text)
		if problem != "" || got.Host != want.Host || got.Port != want.Port || got.Path != want.Path || got.Written != text {
			t.Errorf("parseRoute(%q) = %+v, %s", text, got, problem)
		}
	}
	for _, text := range []string{
		"", "blah", "http://a.example.com:80", "tcp://a.example.com", "a.example.com:x", "a.example.com:70000", "a..b", ".a.b", "a b.example.com",
		"a.*.com", "ftp://a.example.com", "a.example.com/", "a.example.com/?x", strings.Repeat("a", 64) + ".com", "a.com/" + strings.Repeat("x", 128),
		"user@a.example.com", "a.example.com:", "http://",
	} {
		if _, problem, fix := parseRoute(text); problem == "" || fix == "" {
			t.Errorf("parseRoute(%q) is accepted", text)
		}
	}
}

func TestEffectiveProcesses(t *testing.T) {
	t.Parallel()
	two := 2
	got := EffectiveProcesses(App{Processes: []Process{{Type: "worker", Instances: &two}}})
	if len(got) != 2 || got[0].Type != "web" || *got[0].Instances != 1 || got[0].HealthCheck.Type != "port" {
		t.Fatalf("web is %+v", got[0])
	}
	if w := got[1]; *w.Instances != 2 || w.HealthCheck.Type != "process" || *w.MemoryMB != 1024 || *w.TimeoutS != 60 ||
		*w.LogRateLimitBPS != -1 || *w.HealthCheck.IntervalS != 30 || w.ReadinessHealthCheck.Type != "process" {
		t.Fatalf("worker is %+v", w)
	}
}

// denied is a file system that refuses one file.
type denied struct {
	FS
	name string
}

func (d denied) Open(name string) (io.ReadCloser, error) {
	if filepath.Base(name) == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.yml"), "applications: [{name: a}]")
	_, diags := Load(context.Background(), Options{FS: denied{OSFS(), "manifest.yml"}, Dir: dir})
	if len(diags) != 1 || !strings.Contains(diags[0].Summary, "permission denied") || !strings.Contains(diags[0].Detail, "readable") {
		t.Fatalf("%+v", diags)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, diags := Load(ctx, Options{FS: OSFS(), Dir: t.TempDir()}); !diags.HasErrors() || !strings.Contains(diags.Error(), "interrupted") {
		t.Fatalf("%+v", diags)
	}
}

// TestPaths checks where paths start, that the files read are known, and
// what is said of a source that is not there.
func TestPaths(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "real", "manifest.yml"), "applications:\n- {name: a}\n- {name: b, path: ../x.jar}\n- {name: c, docker: {image: x}, path: .}\n")
	write(t, filepath.Join(dir, "vars.yml"), "a: 1")
	if err := os.Symlink("real/manifest.yml", filepath.Join(dir, "link.yml")); err != nil {
		t.Fatal(err)
	}
	doc, diags := Load(context.Background(), Options{FS: OSFS(), Dir: dir, Paths: []string{"link.yml"}, VarsFiles: []string{"vars.yml"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for i, want := range []string{filepath.Join(dir, "real"), filepath.Join(dir, "x.jar"), ""} {
		if doc.Apps[i].Path != want {
			t.Errorf("path of %s is %s, want %s", doc.Apps[i].Name, doc.Apps[i].Path, want)
		}
	}
	if len(doc.Files) != 2 || doc.Files[0] != filepath.Join(dir, "vars.yml") || doc.Files[1] != filepath.Join(dir, "link.yml") {
		t.Errorf("files are %v", doc.Files)
	}
	missing := CheckPaths(OSFS(), doc)
	if len(missing) != 1 || missing[0].Line != 3 || missing[0].Field != "applications[1].path" ||
		!strings.Contains(missing[0].Summary, "File not found locally, make sure the file exists at given path "+filepath.Join(dir, "x.jar")) {
		t.Errorf("%+v", missing)
	}
	if missing.AsWarnings().HasErrors() || !missing.HasErrors() {
		t.Error("AsWarnings changes its receiver or keeps errors")
	}
}

// TestSymlinkEscape leads path and file() of HCL out of the project.
func TestSymlinkEscape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "geheim")
	write(t, filepath.Join(dir, "p", "wadi.hcl"), "app \"a\" { path = \"out\" }\napp \"b\" { env = { S = file(\"secret\") } }\napp \"c\" { buildpacks = [\"./out\"] }\n"+
		"locals {\n t = templatefile(\"secret\", {})\n b = filebase64(\"out/secret\")\n e = fileexists(\"secret\")\n}\n")
	for link, target := range map[string]string{"out": "..", "secret": "../secret"} {
		if err := os.Symlink(target, filepath.Join(dir, "p", link)); err != nil {
			t.Fatal(err)
		}
	}
	_, diags := Load(context.Background(), Options{FS: OSFS(), Dir: filepath.Join(dir, "p")})
	if len(diags) != 6 || strings.Contains(diags.Error(), "geheim") || strings.Count(diags.Error(), "leaves the project folder") != 6 {
		t.Fatal(diags)
	}
}

func TestTwoProjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "wadi.hcl"), "project = \"a\"\nstack \"s\" { driver = \"raw_exec\" }\n")
	write(t, filepath.Join(dir, "b", "wadi.hcl"), "project = \"b\"\nstack \"s\" {\n driver = \"docker\"\n image = \"x\"\n}\n")
	_, diags := Load(context.Background(), Options{FS: OSFS(), Dir: dir, Paths: []string{"a", "b"}})
	if len(diags.Errors()) != 2 || !strings.Contains(diags.Error(), "two projects") || !strings.Contains(diags.Error(), "a/wadi.hcl:2:1") {
		t.Fatal(diags)
	}
}

func TestSensitiveNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.yml"), "applications:\n- name: a\n  memory: ((m))\n  command: go ((s))\n  env: {A: ((s)), B: x}\n")
	doc, diags := Load(context.Background(), Options{FS: OSFS(), Dir: dir, Vars: []string{"m=1G", "s=xyz"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	app := doc.Apps[0]
	for _, path := range []string{"env.A", "processes.web.command", "processes.web.memory"} {
		if !app.Sensitive[path] {
			t.Errorf("%s is not sensitive", path)
		}
	}
	if len(app.Sensitive) != 3 || len(app.Masked) != 0 {
		t.Errorf("sensitive %v, masked %v", app.Sensitive, app.Masked)
	}
	if app.FieldPos["env.A"].Line != 5 || app.FieldPos["memory"].Column != 11 {
		t.Errorf("positions %v", app.FieldPos)
	}
}

// What is found out after the files were read shows their lines too, but not
// what is no more shown of them.
func TestPosDiagnostic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.yml"), "applications:\n- name: a\n  docker: {image: img, password: geheim}\n")
	doc, diags := Load(context.Background(), Options{FS: OSFS(), Dir: dir})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d := doc.Apps[0].FieldPos["docker.image"].Diagnostic(SeverityError, "f", "s", "d")
	want := Diagnostic{Severity: SeverityError, Field: "f", Summary: "s", Detail: "d", File: filepath.Join(dir, "manifest.yml"),
		Line: 3, Column: 19, Width: 3, SourceLine: "  docker: {image: img, password: …"}
	if d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	for name, content := range map[string]string{
		"manifest.yml": "applications:\n- {name: a, docker: {imge: x, password: geheim}}\n- name: b\n  docker:\n    password: geheim\n",
		"wadi.hcl":     "app \"a\" {\n  docker {\n    password = \"geheim\"\n  }\n}\n",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, name), content)
		_, diags := Load(context.Background(), Options{FS: OSFS(), Dir: dir})
		var text bytes.Buffer
		if err := WriteText(&text, diags, dir, false); err != nil || !diags.HasErrors() || strings.Contains(text.String(), "geheim") {
			t.Errorf("%s: error %v, said\n%s", name, err, &text)
		}
	}
	if d := (Pos{File: "/f"}).Diagnostic(SeverityError, "", "s", ""); d.SourceLine != "" || d.File != "/f" {
		t.Errorf("without a line: %+v", d)
	}
}

// A line that is shown has no password or token of a URL in it.
func TestShownURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`  - https://ci:geheim@git.example.com/bp.git#main`:                 `  - https://***@git.example.com/bp.git#main`,
		`  buildpacks: ["https://geheim@h/a.zip", "ssh://git@h/b"]`:         `  buildpacks: ["https://***@h/a.zip", "ssh://***@h/b"]`,
		`  buildpacks: [https://h/a.zip?token=geheim, https://h/b.zip?x=y]`: `  buildpacks: [https://h/a.zip?***, https://h/b.zip?***]`,
		`  - https://a:ge@heim@h/bp.git`:                                    `  - https://***@h/bp.git`,
		`  image: registry.example.com/team/shop@sha256:00`:                 `  image: registry.example.com/team/shop@sha256:00`,
		`  mail: {url: https://example.com/a, to: b@example.com}`:           `  mail: {url: https://example.com/a, to: b@example.com}`,
	} {
		if got := (&source{lines: []string{text}}).shown(1); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func TestWriteTextColour(t *testing.T) {
	t.Parallel()
	d := Diagnostics{{Severity: SeverityWarning, Summary: "s", Detail: "d", File: "/a/b", Line: 2, Column: 4, Width: 2, SourceLine: "\té: x"}}
	var b bytes.Buffer
	if err := WriteText(&b, d, "/a", true); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[33mWarning\x1b[0m: s\n\n  on b line 2:\n   2: \té: x\n      \t \x1b[33m^^\x1b[0m\n\nd\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// TestEveryHintIsReachable wants each hint to be given somewhere: for a block
// or an attribute, in an app, a process or a file.
func TestEveryHintIsReachable(t *testing.T) {
	t.Parallel()
	for word, hint := range hints {
		given := false
		for _, content := range []string{
			word + " {}", word + " = 1", "app \"a\" {\n" + word + " {}\n}", "app \"a\" {\n" + word + " = 1\n}",
		} {
			_, diags := Load(context.Background(), Options{FS: memFS{fstest.MapFS{"wadi.hcl": &fstest.MapFile{Data: []byte(content)}}}, Dir: "/p"})
			for _, d := range diags {
				given = given || d.Detail == hint
			}
		}
		if !given {
			t.Errorf("the hint for %s is never given", word)
		}
	}
}

// TestWriteTextHarmless: what a file holds neither works on the terminal nor
// begins a line of its own.
func TestWriteTextHarmless(t *testing.T) {
	t.Parallel()
	d := Diagnostics{{Severity: SeverityError, Summary: "app 'a\n::add-mask::x\x1b[31m' is\u202e wrong", File: "/a/b\r.yml", Line: 1, Column: 4, Width: 2,
		Field: "x\u009b.y", SourceLine: "a:\x1b'\x1bé'\t", Detail: "Write:\n\n  one\x07\n ::two"}}
	var b strings.Builder
	if err := WriteText(&b, d, "/a", false); err != nil {
		t.Fatal(err)
	}
	const want = `Error: app 'a␊::add-mask::x␛[31m' is� wrong

  on b␍.yml line 1, in x�.y:
   1: a:␛'␛é'	
         ^^

Write:

  one␇␊ ::two
`
	if b.String() != strings.ReplaceAll(want, `\ufffd`, "\ufffd") {
		t.Errorf("%q", b.String())
	}
}

// TestWriteTextLongLine shows of a long line what stands around the column,
// whole characters, with the caret where it belongs.
func TestWriteTextLongLine(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("é", 500) + "HERE" + strings.Repeat("ü", 500)
	for _, column := range []int{1, 1001, len(line)} {
		var b bytes.Buffer
		if err := WriteText(&b, Diagnostics{{Summary: "s", Detail: "d", File: "/a/b", Line: 1, Column: column, Width: 4, SourceLine: line}}, "/a", false); err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(b.String(), "\n")
		shown, caret := strings.TrimPrefix(rows[3], "   1: "), strings.TrimPrefix(rows[4], "      ")
		if len(shown) > shownLine+10 || !utf8.ValidString(shown) || strings.Count(shown, "…") == 0 {
			t.Errorf("column %d: shown %q", column, shown)
		}
		if at := strings.Index(caret, "^"); column == 1001 && string([]rune(shown)[at:at+4]) != "HERE" {
			t.Errorf("the caret is at %d of %q", at, shown)
		}
	}
}

func TestKeyFix(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"docker-image":  "Write it as `docker: {image: name}`.",
		"mem":           "Cloud Foundry ignores it since cf version 7. Its name is `memory`.",
		"instence":      "Did you mean `instances`?",
		"somethingelse": "Remove it; Cloud Foundry ignores it too.",
	} {
		if got := keyFix(key, appLevelKeys()); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
