package spec

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	yamlv2 "go.yaml.in/yaml/v2"
)

// corpusTable has a line for each manifest from the wild that is refused: the
// start of its SHA-256 and what is wrong with it. All others are accepted.
// Each line was held against what cf push does.
const corpusTable = "testdata/corpus.txt"

// TestCorpus reads manifests from the wild, where the folder of them exists
// (WADI_TEST_CORPUS, else beside the repository): each is accepted or refused as the table says,
// nothing panics, and whatever is refused says where and what to do.
func TestCorpus(t *testing.T) {
	t.Parallel()
	dir := cmp.Or(os.Getenv("WADI_TEST_CORPUS"), "../../shared/corpus")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no manifests in " + dir)
	}
	table, err := os.ReadFile(corpusTable)
	if err != nil {
		t.Fatal(err)
	}
	var comments, got []string
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			comments = append(comments, line)
		}
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if verdict := corpusVerdict(t, path, data); verdict != "" {
			got = append(got, hex.EncodeToString(sum[:4])+"  "+verdict+"\n")
		}
	}
	slices.Sort(got)
	text := strings.Join(append(comments, got...), "")
	if *update {
		if err := os.WriteFile(corpusTable, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(string(table), text); diff != "" {
		t.Errorf("the corpus is not judged as %s has it (-want +got):\n%s", corpusTable, diff)
	}
}

var (
	quotedText = regexp.MustCompile(`'[^']*'`)
	errorOf    = regexp.MustCompile(`^For application (at index \d+|'[^']*'): (Process "[^"]*": )?`)
)

// corpusVerdict says what is wrong with a file, without its own words; "" if
// it is accepted.
func corpusVerdict(t *testing.T, path string, data []byte) string {
	doc, diags := Load(context.Background(), Options{FS: OSFS(), Dir: filepath.Dir(path), Paths: []string{path}})
	var v any
	if refused := yamlv2.Unmarshal(data, &v) != nil; refused != notYAML(diags) {
		t.Errorf("%s: yaml.v2 refuses it: %v, we say %s", path, refused, diags.Error())
	}
	if !diags.HasErrors() && len(doc.Apps) == 0 {
		t.Errorf("%s: no error and no app", path)
	}
	if _, err := ReportJSON(doc, diags); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	var said []string
	for _, d := range diags {
		if d.Summary == "" || d.Detail == "" || d.File == "" || d.Line == 0 || d.Column == 0 {
			t.Errorf("%s: incomplete: %+v", path, d)
		}
		if d.Severity != SeverityError {
			continue
		}
		text := quotedText.ReplaceAllString(errorOf.ReplaceAllString(d.Summary, ""), "'…'")
		if strings.HasPrefix(text, "Expected to find variables") {
			text = "Expected to find variables" // and not their names
		}
		if !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, "; ")
}

func notYAML(diags Diagnostics) bool {
	return slices.ContainsFunc(diags, func(d Diagnostic) bool { return strings.HasPrefix(d.Summary, "not valid YAML") })
}
