package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

// TestSettingsPrecedence: flag, else environment, else file, else default.
func TestSettingsPrecedence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configName), []byte("space: of-file\ndomain: file.example\nreset-count: true\nvars_file: [a.yml, b/c.yml]\nvar: [a=1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WADI_SPACE", "of-env")
	t.Setenv("WADI_PROJECT", "of env")
	t.Setenv("WADI_APP", "one, two")
	t.Setenv("WADI_PRUNE", "true")
	t.Setenv("WADI_PARALLELISM", "7")
	cmd := &cobra.Command{Use: "test"}
	addFlags(cmd, planFlags...)
	load := func(args ...string) settings {
		t.Helper()
		if err := cmd.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
		s, err := loadSettings(cmd, []string{dir})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := load()
	if s.Space != "of-env" || s.ProjectName != "of env" || s.Domain != "file.example" || s.PlatformSpace != "default" ||
		!s.Prune || !s.ResetCount || s.Adopt || s.Parallelism != 7 || !slices.Equal(s.Apps, []string{"one", "two"}) ||
		len(s.VarsFiles) != 0 || len(s.Vars) != 0 {
		t.Errorf("%+v", s)
	}
	fromFile := projectVars{vars: []string{"a=1"}, files: []string{filepath.Join(dir, "a.yml"), filepath.Join(dir, "b/c.yml")}}
	if !reflect.DeepEqual(s.ProjectVars, fromFile) {
		t.Errorf("%+v", s.ProjectVars)
	}
	s = load("--space", "of-flag", "--prune=false", "--reset-count=false", "--app", "a, b", "--app", "c", "--vars-file", "d.yml")
	if s.Space != "of-flag" || s.Prune || s.ResetCount || !slices.Equal(s.Apps, []string{"a, b", "c"}) || !slices.Equal(s.VarsFiles, []string{"d.yml"}) ||
		!reflect.DeepEqual(s.ProjectVars, fromFile) {
		t.Errorf("%+v", s)
	}
}

// TestSettingsTable holds every setting to being read.
func TestSettingsTable(t *testing.T) {
	t.Parallel()
	for _, s := range settingsTable {
		if s.usage == "" {
			t.Errorf("%s says nothing of itself", s.key)
		}
		if aboutNomad(s.key) {
			t.Errorf("%s would be refused in a file as being about Nomad", s.key)
		}
	}
}
