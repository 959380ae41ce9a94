package build

import (
	"strings"
	"testing"
)

// TestBuiltin: the name of a built-in needs no folder; where there is one, it
// is used.
func TestBuiltin(t *testing.T) {
	t.Parallel()
	app := files{"Procfile": "web: ./run\n"}
	tests := map[string]struct {
		order []string
		args  []string
		want  string // in the result
	}{
		"named":            {[]string{"procfile"}, []string{"--skip-detect"}, `"buildpack_key":"procfile","detected_buildpack":"procfile"`},
		"as Cloud Foundry": {[]string{"procfile_buildpack"}, []string{"--skip-detect"}, `"buildpack_key":"procfile_buildpack","detected_buildpack":"procfile"`},
		"detected":         {[]string{"python", "staticfile", "procfile"}, nil, `"buildpack_key":"procfile","detected_buildpack":"procfile"`},
		"twice":            {[]string{"procfile", "procfile"}, []string{"--skip-detect"}, `"buildpacks":[{"key":"procfile","name":""},{"key":"procfile","name":"procfile"}]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, app)
			m.keys = test.order
			e := m.run(test.args...)
			e.want(0, "")
			if got := string(e.read("out/result.json")); !strings.Contains(got, test.want) {
				t.Errorf("result %s, want %s", got, test.want)
			}
		})
	}
	mine := newMachine(t, app).add("procfile", files{"bin/compile": "echo mine\n", "bin/release": ""}).run("--skip-detect")
	mine.want(0, "")
	if mine.stdout != "mine\n" {
		t.Errorf("stdout %q", mine.stdout)
	}
}
