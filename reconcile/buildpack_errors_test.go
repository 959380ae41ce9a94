package reconcile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/spec"
	"wadi/stage"
)

// TestWrongBuildpacks: what is wrong with a buildpack points at the one that is
// wrong, in either key that manifests have for them and in HCL.
func TestWrongBuildpacks(t *testing.T) {
	t.Parallel()
	const head = "applications:\n- name: a\n  path: .\n"
	for name, tt := range map[string]struct {
		file, text string
		says       []string // a part of each diagnostic
	}{
		"the old key": {"manifest.yml", head + "  buildpack: java_buildpack\n",
			[]string{"line 4, in applications[0].buildpack:\n   4:   buildpack: java_buildpack\n                   ^^^^^^^^^^^^^^\n\nCloud Foundry's own is not built in."}},
		"one of a list": {"manifest.yml", head + "  buildpacks:\n  - procfile\n  - rubby\n",
			[]string{"line 6, in applications[0].buildpacks[1]:\n   6:   - rubby\n          ^^^^^\n\nA folder is written ./rubby,"}},
		"several": {"manifest.yml", head + "  buildpacks: [./no, procfile, git://h.example/x]\n",
			[]string{"in applications[0].buildpacks[0]:", "in applications[0].buildpacks[2]:"}},
		"HCL": {"wadi.hcl", "app \"a\" {\n  path = \".\"\n  buildpacks = [\"procfile\", \"rubby\"]\n}\n",
			[]string{"line 3, in app.a.buildpacks[1]:\n   3:   buildpacks = [\"procfile\", \"rubby\"]\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			doc, diags := spec.Load(t.Context(), spec.Options{FS: spec.OSFS(), Dir: dir})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			app := doc.Apps[0]
			_, err := stage.NewBuildpacks(nil, "").Pin(t.Context(), stage.BuildpackNames{Names: app.Buildpacks, Dir: dir})
			if err == nil {
				t.Fatal("no error")
			}
			wrong := wrongBuildpacks(app, err)
			if len(wrong) != len(tt.says) {
				t.Fatalf("%d diagnostics: %v", len(wrong), wrong)
			}
			for i, says := range tt.says {
				var text bytes.Buffer
				if err := spec.WriteText(&text, wrong[i:i+1], dir, false); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(text.String(), says) {
					t.Errorf("%s\ndoes not say\n%s", &text, says)
				}
			}
		})
	}
}
