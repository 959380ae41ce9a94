package spec

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Files of these tests stand in a folder of the memory's file system, so that
// there are folders above it.
const convertDir = "/p/a/b/c"

// world is a conversion's surroundings: files, and what variables are given.
type world struct {
	files fstest.MapFS
	o     Options
}

func newWorld(o Options) world {
	w := world{files: fstest.MapFS{}, o: o}
	w.o.FS, w.o.Dir = memFS{w.files}, convertDir
	return w
}

func (w world) put(path string, data []byte) {
	w.files[strings.TrimPrefix(path, "/p/")] = &fstest.MapFile{Data: data}
}

func (w world) load(path string) (*Document, Diagnostics) {
	o := w.o
	o.Paths = []string{path}
	return Load(context.Background(), o)
}

func (w world) convert(path, outDir string) (Conversion, Diagnostics) {
	o := w.o
	o.Paths = []string{path}
	return Convert(context.Background(), o, outDir)
}

// sameApps compares what two documents request, apart from where it is
// written and from what is hidden: HCL says that of variables, manifests hide
// every one.
func sameApps(a, b *Document) string {
	return cmp.Diff(normal(a), normal(b), cmpopts.EquateEmpty(),
		cmpopts.IgnoreTypes(Pos{}, map[string]Pos{}), cmpopts.IgnoreFields(App{}, "Field", "Sensitive", "Masked"),
		cmpopts.IgnoreFields(Docker{}, "Password", "LoginVariable")) // of HCL alone
}

// normal removes differences that mean nothing.
func normal(doc *Document) []App {
	apps := slices.Clone(doc.Apps)
	for i := range apps {
		app := &apps[i]
		app.PathWritten = "" // from another folder it is written in another way
		app.Buildpacks = slices.Clone(app.Buildpacks)
		for j, b := range app.Buildpacks {
			if isRelativeFolder(b) { // of a manifest
				app.Buildpacks[j] = absolute(convertDir, b)
			}
		}
		app.Services = slices.Clone(app.Services)
		for j, s := range app.Services {
			if text, err := json.Marshal(s.Parameters); err == nil { // 1.0 and 1 are one number of JSON
				app.Services[j].Parameters = map[string]any{"json": string(text)}
			}
		}
	}
	return apps
}

// checkManifest converts a manifest, for its own folder and for one above,
// and loads the results: they must request the same.
func checkManifest(t *testing.T, w world, manifest []byte) (hcl []byte) {
	t.Helper()
	path := convertDir + "/manifest.yml"
	w.put(path, manifest)
	want, diags := w.load(path)
	if diags.HasErrors() {
		if strings.Contains(diags.Error(), "Expected to find variables") {
			return nil // a conversion needs no values
		}
		if got, errs := w.convert(path, ""); !errs.HasErrors() {
			t.Fatalf("became HCL although it is refused:\n%s\n%s", diags.Error(), got.Text)
		}
		return nil
	}
	for _, dir := range []string{"/p", convertDir} {
		got, errs := w.convert(path, dir)
		if errs.HasErrors() {
			outside := slices.ContainsFunc(want.Apps, func(app App) bool { return app.Path != "" && !inside(dir, app.Path) })
			if outside && strings.Contains(errs.Error(), "leaves the project folder") {
				continue
			}
			t.Fatalf("not converted: %s\n%s", errs.Error(), manifest)
		}
		out := dir + "/wadi.hcl"
		w.put(out, got.Text)
		back, errs := w.load(out)
		if errs.HasErrors() {
			t.Fatalf("became HCL that is refused: %s\n%s", errs.Error(), got.Text)
		}
		if diff := sameApps(want, back); diff != "" {
			t.Fatalf("HCL says something else (-manifest +HCL):\n%s\n%s", diff, got.Text)
		}
		checkStyle(t, got.Text)
		hcl = got.Text
	}
	checkBack(t, w, want)
	return hcl
}

// checkBack converts what became HCL into a manifest again.
func checkBack(t *testing.T, w world, want *Document) {
	t.Helper()
	source := convertDir + "/wadi.hcl"
	if _, there := w.files[strings.TrimPrefix(source, "/p/")]; there {
		checkHCL(t, w, source, want)
	}
}

// checkHCL converts HCL into a manifest and loads it: it must request what is
// wanted.
func checkHCL(t *testing.T, w world, source string, want *Document) {
	t.Helper()
	got, errs := w.convert(source, "")
	if errs.HasErrors() {
		t.Fatalf("not converted to a manifest: %s", errs.Error())
	}
	checkBecame(t, w, got.Text, want)
}

// checkBecame loads the manifest that HCL became: it must request what is
// wanted.
func checkBecame(t *testing.T, w world, text []byte, want *Document) {
	t.Helper()
	w.put(convertDir+"/back.yml", text)
	back, errs := w.load(convertDir + "/back.yml")
	if errs.HasErrors() {
		t.Fatalf("became a manifest that is refused: %s\n%s", errs.Error(), text)
	}
	if diff := sameApps(want, back); diff != "" {
		t.Fatalf("the manifest says something else (-first +last):\n%s\n%s", diff, text)
	}
}

func TestConvertCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/manifest/*.expect.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".expect.json"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c caseFile
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			o := Options{VarsFiles: c.VarsFiles, Vars: c.flags(t), Env: func(k string) (string, bool) { v, ok := c.Args.Env[k]; return v, ok }}
			if c.Args.AppName != "" {
				o.Apps = []string{c.Args.AppName}
			}
			w := newWorld(o)
			for _, name := range c.VarsFiles {
				vars, err := os.ReadFile("testdata/manifest/" + name)
				if err != nil {
					t.Fatal(err)
				}
				w.put(convertDir+"/"+name, vars)
			}
			manifest, err := os.ReadFile("testdata/manifest/" + c.ID + ".manifest.yml")
			if err != nil {
				t.Fatal(err)
			}
			checkManifest(t, w, manifest)
		})
	}
}

// TestConvertCorpus does the same with manifests from the wild, where the
// folder of them exists beside the repository. Variables get values that do.
func TestConvertCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../shared/corpus/*/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			manifest, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(Options{Vars: valuesFor(string(manifest))})
			checkManifest(t, w, manifest)
		})
	}
}

// TestConvertExamples converts the files of the examples.
func TestConvertExamples(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../examples/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			w := newWorld(Options{})
			files, err := filepath.Glob(dir + "/*.hcl")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				w.put(convertDir+"/"+filepath.Base(file), data)
			}
			if len(files) > 0 {
				want, diags := w.load(convertDir)
				if diags.HasErrors() {
					t.Fatal(diags.Error())
				}
				checkHCL(t, w, convertDir, want)
				return
			}
			manifest, err := os.ReadFile(dir + "/manifest.yml")
			if err != nil {
				t.Fatal(err)
			}
			checkManifest(t, w, manifest)
		})
	}
}

// valuesFor finds values for the variables of a manifest with which it loads.
func valuesFor(manifest string) []string {
	values := map[string]string{}
	flags := func() (out []string) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			out = append(out, name+"="+values[name])
		}
		return out
	}
	for _, m := range variablePattern.FindAllStringSubmatch(manifest, -1) {
		values[strings.TrimPrefix(m[1], "!")] = "value"
	}
	faults := func() int {
		w := newWorld(Options{Vars: flags()})
		w.put(convertDir+"/manifest.yml", []byte(manifest))
		_, diags := w.load(convertDir + "/manifest.yml")
		return len(diags.Errors())
	}
	least := faults()
	for i, name := range slices.Sorted(maps.Keys(values)) {
		for _, try := range []string{"512M", "3", fmt.Sprintf("r%d.example.com", i), "/path", "true", "false"} {
			if least == 0 {
				return flags()
			}
			before := values[name]
			values[name] = try
			if now := faults(); now < least {
				least = now
			} else {
				values[name] = before
			}
		}
	}
	return flags()
}
