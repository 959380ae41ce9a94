package spec

import (
	"context"
	"path/filepath"
	"testing"
)

// TestCorpus reads manifests from the wild, where the folder of them exists
// beside the repository: nothing panics, and whatever is refused says where
// and what to do.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../shared/corpus/*/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, diags := Load(context.Background(), Options{FS: OSFS(), Dir: filepath.Dir(path), Paths: []string{path}})
		if !diags.HasErrors() && len(doc.Apps) == 0 {
			t.Errorf("%s: no error and no app", file)
		}
		for _, d := range diags {
			if d.Summary == "" || d.Detail == "" || d.File == "" || d.Line == 0 && len(doc.Apps) > 0 {
				t.Errorf("%s: incomplete: %+v", file, d)
			}
		}
		if _, err := ReportJSON(doc, diags); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
