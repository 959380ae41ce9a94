package spec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// generated compares a file of docs with what the tables make of it, or
// writes it with -update.
func generated(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "docs", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/%s is not what the tables say: run `go test ./spec -run %s -update` (-is +should be)\n%s", name, t.Name(), diff)
	}
}

func TestSchemaIsFresh(t *testing.T) {
	t.Parallel()
	text, err := manifestSchema()
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "manifest.schema.json", text)
}

// compiled is the schema as a validator of JSON Schema understands it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := manifestSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("manifest.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("manifest.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads a manifest as wadi does (YAML 1.1) and as editors do (1.2).
func asJSON(t *testing.T, data []byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	if value := asRead(t, data); value != nil {
		out["YAML 1.1"] = value
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err == nil {
		out["YAML 1.2"] = viaJSON(t, stringKeys(value))
	}
	return out
}

// asRead is a manifest as wadi reads it, nil if it is no YAML.
func asRead(t *testing.T, data []byte) any {
	t.Helper()
	root, _, err := parseYAML(data)
	if err != nil || root == nil {
		return nil
	}
	return viaJSON(t, root.goValue())
}

func viaJSON(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stringKeys makes the keys of maps texts, as JSON has them.
func stringKeys(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			value[k] = stringKeys(v)
		}
	case map[any]any:
		out := map[string]any{}
		for k, v := range value {
			out[fmt.Sprint(k)] = stringKeys(v)
		}
		return out
	case []any:
		for i, v := range value {
			value[i] = stringKeys(v)
		}
	}
	return value
}

// TestSchemaTakesWhatIsValid holds the schema to all manifests of the tests.
func TestSchemaTakesWhatIsValid(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	files, err := filepath.Glob("testdata/manifest/*.manifest.yml")
	if err != nil || len(files) < 40 {
		t.Fatalf("only %d cases found: %v", len(files), err)
	}
	examples, err := filepath.Glob("../examples/*/manifest.yml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	for _, file := range files {
		var expect caseFile
		text, err := os.ReadFile(strings.TrimSuffix(file, ".manifest.yml") + ".expect.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &expect); err != nil {
			t.Fatal(err)
		}
		if expect.Valid {
			examples = append(examples, file)
		}
	}
	for _, file := range examples {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for dialect, value := range asJSON(t, data) {
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s, read as %s: %v", file, dialect, err)
			}
		}
	}
}

// probes are values of every kind, tried on every key.
var probes = []string{
	"~", "''", "' '", "true", "5", "0", "-1", "-2", "5.5", "'5'", "'0'", "2000001", "181", "text", "'a b'", "256M", "0.5G", "-1M", "1 M", "-1B",
	"/x", "//x", "port", "none", "http", "http2", "rolling", "cnb", "a.example.com", "[]", "[a]", "[1]", "['']", "[~]", "[[]]", "[{}]", "[{x: y}]", "[{name: a}]",
	"[{name: 1}]", "[{name: a, x: y}]", "[{type: worker}]", "[{type: ~}]", "[{type: w, memory: 1}]", "[{type: w, health-check-timeout: 5}]",
	"[{route: a.example.com}]", "[{route: ~}]", "[{route: a.example.com, protocol: x}]", "[{route: a.example.com, options: ~}]",
	"[{route: a.example.com, options: {x: y}}]", "[{route: a.example.com, options: {loadbalancing: round-robin}}]", "[{route: a.example.com, x: y}]",
	"[{name: s, command: c, process_types: [web]}]", "[{name: s, command: c, process_types: []}]", "[{name: s, command: ~, process_types: [web]}]",
	"[{name: s, command: c, process_types: [web], memory: 16}]", "[{name: s, command: c, process_types: [web], memory: x}]",
	"{}", "{x: y}", "{1: y}", "{x: ~}", "{x: [1]}", "{image: a}", "{image: a, x: y}", "{image: ~}", "{labels: {a: b}}", "{labels: {a: [b]}}", "{labels: x}", "{labels: ~}",
	"{annotations: {a: 'x y'}}", "{PORT: 1}", "{vcap_a: b}", "{VMC: b}", "{PORTS: 1}", "{'': a}", "{labels: {a: b}, x: y}", "{ssh: true}", "{ssh: ~}", "{ssh: x}", "{revisions: false}",
}

// unseen are mistakes that the schema lets through, because they depend on
// something beside the key.
var unseen = map[string][]string{
	"env": {"{1: y}"}, // JSON's keys are texts
	"name": {"~", "''", "' '", // --app may name the app
		"5.5", "'a b'", "0.5G", "1 M", "/x", "//x", "a.example.com"}, // fine beside routes
	"type":                        {"' '"},
	"health_check_type":           {"http"}, // fine beside an endpoint
	"readiness_health_check_type": {"http"},
}

// TestSchemaAgreesWithTheParser tries every key with every probe: what the
// parser takes, the schema takes; what the parser refuses, the schema refuses.
func TestSchemaAgreesWithTheParser(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for _, k := range documentTable[1].value.keys {
		if k.writtenYAML() == "" || k.listed {
			continue
		}
		for _, probe := range probes {
			checkProbe(t, schema, k.name, fmt.Sprintf("applications: [{name: a, %s: %s}]\n", k.writtenYAML(), probe), probe)
		}
	}
	for _, k := range processEntryTable {
		if k.writtenYAML() == "" {
			continue
		}
		for _, probe := range probes {
			doc := fmt.Sprintf("applications: [{name: a, processes: [{type: w, %s: %s}]}]\n", k.writtenYAML(), probe)
			if k.name == "type" {
				doc = fmt.Sprintf("applications: [{name: a, processes: [{type: %s}]}]\n", probe)
			}
			checkProbe(t, schema, k.name, doc, probe)
		}
	}
}

func checkProbe(t *testing.T, schema *jsonschema.Schema, name, doc, probe string) {
	t.Helper()
	files := fstest.MapFS{"manifest.yml": &fstest.MapFile{Data: []byte(doc)}}
	_, diags := Load(context.Background(), Options{FS: memFS{files}, Dir: "/p"})
	err := schema.Validate(asRead(t, []byte(doc)))
	switch {
	case err != nil && !diags.HasErrors():
		t.Errorf("the parser takes, the schema does not: %s%v", doc, err)
	case err == nil && diags.HasErrors() && !slices.Contains(unseen[name], probe):
		t.Errorf("the schema takes, the parser does not: %s%s", doc, diags.Errors().Error())
	}
}

// TestSchemaTakesTheCorpus does so for manifests from the wild, where there
// are any (see TestCorpus).
func TestSchemaTakesTheCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../shared/corpus/*/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	schema := compiled(t)
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, diags := Load(context.Background(), Options{FS: OSFS(), Dir: filepath.Dir(path), Paths: []string{path}})
		if diags.HasErrors() {
			continue
		}
		for dialect, value := range asJSON(t, data) {
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s, read as %s: %v", file, dialect, err)
			}
		}
	}
}
