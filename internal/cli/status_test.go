package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProjectHere: looking after apps takes the project's name of their files
// and nothing else, so no values of variables either.
func TestProjectHere(t *testing.T) {
	t.Parallel()
	const needsVariable = "variable \"password\" {\n  type = string\n}\n"
	for name, c := range map[string]struct {
		files   map[string]string
		flag    string
		want    string
		wantErr string
	}{
		"no files":                       {},
		"no files, --project":            {flag: "shop", want: "shop"},
		"named":                          {files: map[string]string{"wadi.hcl": "project = \"shop\"\n"}, want: "shop"},
		"named, a variable without one":  {files: map[string]string{"wadi.hcl": needsVariable + "project = \"shop\"\n"}, want: "shop"},
		"named, an app that is wrong":    {files: map[string]string{"wadi.hcl": "project = \"shop\"\napp \"a\" {\n  memory = 1\n}\n"}, want: "shop"},
		"a manifest without a variable":  {files: map[string]string{"manifest.yml": "applications:\n- name: ((name))\n"}, want: "default"},
		"a manifest, named in HCL":       {files: map[string]string{"manifest.yml": "applications:\n- name: ((name))\n", "wadi.hcl": "project = \"shop\"\n"}, want: "shop"},
		"HCL from which nothing is read": {files: map[string]string{"wadi.hcl": "project = \n"}, wantErr: "--project NAME"},
		"a name that is none":            {files: map[string]string{"wadi.hcl": "project = shop\n"}, wantErr: "--project NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := settings{Dir: dir, Project: dir, ProjectName: c.flag}.projectHere(t.Context())
			if got != c.want || (err == nil) != (c.wantErr == "") {
				t.Errorf("project %q, error %v, want %q", got, err, c.want)
			}
			var said bytes.Buffer
			printError(&said, err, false, dir)
			if err != nil && !strings.Contains(said.String(), c.wantErr) {
				t.Errorf("error %s, want %q", &said, c.wantErr)
			}
		})
	}
}
