package spec

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestConvertGolden converts the first file of each testdata/convert/*.txtar,
// compares the result (want.hcl or want.yml; none where it is refused) and
// what is said (want.txt), and loads both: they request the same. Lines of the
// comment: `var k=v` is what variables are given where files are loaded,
// `given k=v` also at the conversion, `app a` is --app, `out dir` the folder
// that the result is for, `differs` a result that cannot say it all.
func TestConvertGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			g := readConvertGolden(t, file)
			g.run(t)
		})
	}
}

type convertGolden struct {
	file    string
	ar      *txtar.Archive
	w       world
	vars    []string
	outDir  string
	differs bool
}

func readConvertGolden(t *testing.T, file string) *convertGolden {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := &convertGolden{file: file, ar: ar, w: newWorld(Options{}), outDir: convertDir}
	for _, line := range strings.Split(strings.TrimSpace(string(ar.Comment)), "\n") {
		word, arg, _ := strings.Cut(line, " ")
		switch word {
		case "given":
			g.w.o.Vars = append(g.w.o.Vars, arg)
		case "var":
			g.vars = append(g.vars, arg)
		case "app":
			g.w.o.Apps = append(g.w.o.Apps, arg)
		case "out":
			g.outDir = filepath.Join(convertDir, arg)
		case "differs":
			g.differs = true
		case "", "#":
		default:
			t.Fatalf("unknown option %q", line)
		}
	}
	for _, f := range ar.Files {
		if !strings.HasPrefix(f.Name, "want.") {
			g.w.put(convertDir+"/"+f.Name, f.Data)
		}
	}
	return g
}

func (g *convertGolden) run(t *testing.T) {
	source := convertDir + "/" + g.ar.Files[0].Name
	if strings.HasSuffix(source, ".hcl") {
		source = convertDir // all of the folder
	}
	got, diags := g.w.convert(source, g.outDir)
	want := map[string]string{"want.txt": strings.ReplaceAll(text(t, diags, convertDir), "/p/a/b/c", "$DIR")}
	name := "want.hcl"
	if got.Manifest {
		name = "want.yml"
	}
	if got.Text != nil {
		want[name] = string(got.Text)
	}
	if *update {
		var kept []txtar.File
		for _, f := range g.ar.Files {
			if !strings.HasPrefix(f.Name, "want.") {
				kept = append(kept, f)
			}
		}
		for _, name := range []string{"want.txt", "want.hcl", "want.yml"} {
			if data, ok := want[name]; ok {
				kept = append(kept, txtar.File{Name: name, Data: []byte(data)})
			}
		}
		g.ar.Files = kept
		if err := os.WriteFile(g.file, txtar.Format(g.ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range g.ar.Files {
		if strings.HasPrefix(f.Name, "want.") {
			if diff := cmp.Diff(string(f.Data), want[f.Name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", f.Name, diff)
			}
			delete(want, f.Name)
		}
	}
	for name := range want {
		t.Errorf("the golden file has no %s", name)
	}
	if got.Text != nil {
		g.compare(t, source, got)
	}
}

// compare loads both.
func (g *convertGolden) compare(t *testing.T, source string, got Conversion) {
	t.Helper()
	w := g.w
	w.o.Vars = append(append([]string{}, g.w.o.Vars...), g.vars...)
	before, diags := w.load(source)
	if diags.HasErrors() {
		t.Fatalf("the source does not load: %s", diags.Error())
	}
	path := g.outDir + "/converted.wadi.hcl"
	if got.Manifest {
		path = g.outDir + "/converted.yml"
	}
	w.put(path, got.Text)
	after, diags := w.load(path)
	if diags.HasErrors() {
		t.Fatalf("the result does not load: %s\n%s", diags.Error(), got.Text)
	}
	delete(w.files, strings.TrimPrefix(path, "/p/"))
	if diff := sameApps(before, after); (diff != "") != g.differs {
		t.Errorf("differs: %v (-before +after)\n%s", !g.differs, diff)
	}
	for _, comment := range regexp.MustCompile(`# note [0-9]+`).FindAll(g.ar.Files[0].Data, -1) {
		if !bytes.Contains(got.Text, comment) {
			t.Errorf("the comment %q is lost", comment)
		}
	}
}

// TestConvertKnowsTheModel: some golden file sets each field of the model, so
// that one which is added and forgotten here shows.
func TestConvertKnowsTheModel(t *testing.T) {
	t.Parallel()
	if *update {
		t.Skip("the files are being written")
	}
	for from, notThere := range map[string][]string{
		".yml": {"App.Masked", "Process.CPU", "Docker.Password", "Docker.LoginVariable", "Process.Placement", "Placement.NodePool", "Placement.Datacenters",
			"Placement.Constraints", "Constraint.Attribute", "Constraint.Operator", "Constraint.Value", "App.Deploy", "Deploy.Strategy", "Deploy.MaxInFlight"},
		".hcl": {},
	} {
		files, err := filepath.Glob("testdata/convert/*.txtar")
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]bool{}
		for _, file := range files {
			g := readConvertGolden(t, file)
			if !strings.HasSuffix(g.ar.Files[0].Name, from) {
				continue
			}
			w := g.w
			w.o.Vars = append(w.o.Vars, g.vars...)
			doc, _ := w.load(convertDir + "/" + g.ar.Files[0].Name)
			for _, app := range doc.Apps {
				markSet(reflect.ValueOf(app), "App", set)
			}
		}
		for _, name := range notThere {
			if set[name] {
				t.Errorf("%s: %s is set, so it is not only HCL's", from, name)
			}
			set[name] = true
		}
		checkSet(t, reflect.TypeOf(App{}), "App", from, set)
	}
}

func elem(typ reflect.Type) reflect.Type {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	return typ
}

// markSet notes the fields of a value that are set, as Type.Field.
func markSet(v reflect.Value, name string, set map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			markSet(v.Elem(), name, set)
		}
	case reflect.Slice:
		for i := range v.Len() {
			markSet(v.Index(i), name, set)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if f := v.Field(i); !f.IsZero() && (f.Kind() != reflect.Map || f.Len() > 0) {
				set[name+"."+field.Name] = true
			}
			markSet(v.Field(i), elem(field.Type).Name(), set)
		}
	}
}

func checkSet(t *testing.T, typ reflect.Type, name, from string, set map[string]bool) {
	t.Helper()
	for i := range typ.NumField() {
		field := typ.Field(i)
		if full := name + "." + field.Name; !set[full] {
			t.Errorf("no %s of testdata/convert sets %s: add it to a case, and to what is written", from, full)
		}
		if inner := elem(field.Type); inner.Kind() == reflect.Struct && inner.Name() != "Pos" {
			checkSet(t, inner, inner.Name(), from, set)
		}
	}
}
