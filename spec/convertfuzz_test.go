package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/tools/txtar"
)

// FuzzConvert: whatever a manifest says, HCL says the same, and the manifest
// that becomes of that.
func FuzzConvert(f *testing.F) {
	seed(f, "testdata/manifest/*.manifest.yml")
	seedConversions(f, "manifest-all", "manifest-variables", "manifest-shop")
	f.Fuzz(func(t *testing.T, data []byte) {
		var values []string
		for _, m := range variablePattern.FindAllSubmatch(data, 20) {
			name := string(m[1])
			if !hclsyntax.ValidIdentifier(name) { // it gets another name in HCL
				return
			}
			values = append(values, name+"=3")
		}
		w := newWorld(Options{Vars: values, Apps: nil})
		path := convertDir + "/manifest.yml"
		w.put(path, data)
		want, diags := w.load(path)
		got, errs := w.convert(path, "")
		if diags.HasErrors() || errs.HasErrors() {
			return // what may be refused is for the other tests
		}
		if !utf8.Valid(data) || cty.NormalizeString(string(data)) != string(data) {
			return // told by a warning
		}
		w.put(convertDir+"/wadi.hcl", got.Text)
		back, errs := w.load(convertDir + "/wadi.hcl")
		if errs.HasErrors() {
			t.Fatalf("became HCL that is refused: %s\n%s", errs.Error(), got.Text)
		}
		if diff := sameApps(want, back); diff != "" {
			t.Fatalf("HCL says something else (-manifest +HCL):\n%s\n%s", diff, got.Text)
		}
		checkStyle(t, got.Text)
		checkBack(t, w, want)
	})
}

// checkStyle: the result is as `wadi fmt` would have it.
func checkStyle(t *testing.T, hcl []byte) {
	t.Helper()
	formatted, diags := FormatHCL("f", hcl)
	if diags.HasErrors() || string(formatted) != string(hcl) {
		t.Errorf("not in the canonical style: %v\n%s", diags, cmp.Diff(string(hcl), string(formatted)))
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

func seedConversions(f *testing.F, names ...string) {
	for _, name := range names {
		ar, err := txtar.ParseFile("testdata/convert/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data)
	}
}

// FuzzConvertHCL: what becomes a manifest without anything being left out
// says the same there.
func FuzzConvertHCL(f *testing.F) {
	seed(f, "testdata/golden/hcl-*.txtar")
	seedConversions(f, "hcl-all", "hcl-shop", "hcl-limits")
	f.Add([]byte("variable \"a\" {}\nlocals { b = \"${var.a}!\" }\napp \"x\" {\n env = { A = var.a, B = local.b, (var.a) = \"c\" }\n}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(Options{Env: func(name string) (string, bool) { return "x", strings.HasPrefix(name, "WADI_VAR_") }})
		source := convertDir + "/wadi.hcl"
		w.put(source, data)
		want, diags := w.load(source)
		got, errs := w.convert(source, "")
		if diags.HasErrors() || errs.HasErrors() {
			return
		}
		for _, d := range errs {
			if strings.HasSuffix(d.Summary, "is left out") {
				return
			}
		}
		w.put(convertDir+"/back.yml", got.Text)
		back, errs := w.load(convertDir + "/back.yml")
		if errs.HasErrors() {
			t.Fatalf("became a manifest that is refused: %s\n%s", errs.Error(), got.Text)
		}
		if diff := sameApps(want, back); diff != "" {
			t.Fatalf("the manifest says something else (-HCL +manifest):\n%s\n%s", diff, got.Text)
		}
	})
}
