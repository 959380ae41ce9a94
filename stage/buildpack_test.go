package stage

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wadi/spec"
)

// project makes a project's folder with buildpacks in it.
func project(t *testing.T) string {
	dir := t.TempDir()
	write(t, dir+"/bp/bin/detect", "#!/bin/sh", 0o755)
	write(t, dir+"/bp/bin/compile", "#!/bin/sh", 0o755)
	write(t, dir+"/bp/bin/helper", "not run by the lifecycle", 0o644)
	write(t, dir+"/nested/repo-main/bin/detect", "#!/bin/sh", 0o755)
	write(t, dir+"/nested/.git/HEAD", "", 0o644)
	write(t, dir+"/two/a/bin/detect", "", 0o755)
	write(t, dir+"/two/b/bin/detect", "", 0o755)
	write(t, dir+"/nobin/README", "", 0o644)
	write(t, dir+"/noexec/bin/supply", "", 0o644)
	write(t, dir+"/bp.zip", "PK", 0o644)
	return dir
}

func TestResolveBuildpacks(t *testing.T) {
	t.Parallel()
	dir := project(t)
	other := project(t)
	declared := map[string]spec.Buildpack{
		"python": {Name: "python", Source: dir + "/bp"},
		"binary": {Name: "binary", Source: "./nested"},
	}
	builtin := func(key, name string) BuildpackPin { return BuildpackPin{Key: key, Name: name, Builtin: name} }
	folder := func(key, name, root string) BuildpackPin {
		return BuildpackPin{Key: key, Name: name, Tree: &Tree{Root: root}}
	}
	tests := []struct {
		names []string
		want  []BuildpackPin
	}{
		{nil, []BuildpackPin{
			builtin("staticfile", "staticfile"), builtin("nodejs", "nodejs"), builtin("go", "go"), builtin("python", "python"), builtin("procfile", "procfile"),
		}},
		{[]string{"staticfile"}, []BuildpackPin{builtin("staticfile", "staticfile")}},
		{[]string{"procfile_buildpack", "staticfile_buildpack"}, []BuildpackPin{builtin("procfile_buildpack", "procfile"), builtin("staticfile_buildpack", "staticfile")}},
		{[]string{"go_buildpack", "nodejs_buildpack"}, []BuildpackPin{builtin("go_buildpack", "go"), builtin("nodejs_buildpack", "nodejs")}},
		{[]string{"python_buildpack"}, []BuildpackPin{folder("python_buildpack", "python", dir+"/bp")}},
		{[]string{"binary_buildpack"}, []BuildpackPin{folder("binary_buildpack", "binary", dir+"/nested/repo-main")}},
		{[]string{"./bp"}, []BuildpackPin{folder("./bp", "bp", dir+"/bp")}},
		{[]string{"./two/../bp/"}, []BuildpackPin{folder("./bp", "bp", dir+"/bp")}},
		{[]string{dir + "/bp"}, []BuildpackPin{folder("./bp", "bp", dir+"/bp")}},
		{[]string{other + "/bp"}, []BuildpackPin{folder(other+"/bp", "bp", other+"/bp")}},
		{[]string{"./nested"}, []BuildpackPin{folder("./nested", "nested", dir+"/nested/repo-main")}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.names, " "), func(t *testing.T) {
			t.Parallel()
			got, err := ResolveBuildpacks(t.Context(), tt.names, declared, dir, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			ignore := []cmp.Option{cmpopts.IgnoreFields(BuildpackPin{}, "Digest"), cmpopts.IgnoreFields(Tree{}, "Entries", "Digest", "Files", "Bytes")}
			if diff := cmp.Diff(tt.want, got, ignore...); diff != "" {
				t.Error(diff)
			}
			for _, p := range got {
				if p.Tree != nil && (p.Digest != p.Tree.Digest || len(p.Digest) != 64) {
					t.Errorf("Digest = %q, the tree's is %q", p.Digest, p.Tree.Digest)
				}
			}
		})
	}
}

func TestResolveBuildpacksErrors(t *testing.T) {
	t.Parallel()
	dir := project(t)
	const token = "t0ken"
	declared := map[string]spec.Buildpack{
		"ruby": {Name: "ruby", Source: "https://" + token + "@example.org/ruby.zip"},
	}
	unknown, unsupported, malformed := new(*UnknownBuildpackError), new(*UnsupportedBuildpackError), new(*MalformedBuildpackError)
	tests := []struct {
		name string
		as   any      // the type of the error
		says []string // parts of its text
	}{
		{"staticfil", unknown, []string{`Specified unknown buildpack name: "staticfil"`, `did you mean "staticfile"?`, "binary, go, nodejs, procfile, python, ruby, staticfile"}},
		{"rubby_buildpack", unknown, []string{`Specified unknown buildpack name: "rubby_buildpack"`, `did you mean "ruby"?`}},
		{"java_buildpack", unknown, []string{`Specified unknown buildpack name: "java_buildpack" (known`}},
		{"node_buildpack", unknown, []string{`did you mean "nodejs"?`}},
		{"", unknown, []string{`Specified unknown buildpack name: ""`}},
		{"bp", unknown, []string{`"bp" (known`, "./bp"}},
		{"ruby", unsupported, []string{"buildpack ruby (https://example.org/ruby.zip)", "not supported yet"}},
		{"https://user:" + token + "@example.org/x.git#v1", unsupported, []string{"https://example.org/x.git#v1"}},
		{"https://us%zzer:" + token + "@example.org/x", unsupported, []string{"https://example.org/x"}},
		{"git@github.com:o/r.git", unsupported, []string{"git@github.com:o/r.git"}},
		{"./bp.zip", unsupported, []string{"bp.zip"}},
		{"./nobin", malformed, []string{"./nobin", "bin"}},
		{"./two", malformed, []string{"./two", "single folder"}},
		{"./noexec", malformed, []string{"bin/supply is not executable", "chmod +x " + dir + "/noexec/bin/supply"}},
		{"./nowhere", nil, []string{"./nowhere", "check the path"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ResolveBuildpacks(t.Context(), []string{"procfile", tt.name}, declared, dir, "")
			if tt.as == nil {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("error %v, want fs.ErrNotExist", err)
				}
			} else if err == nil || !errors.As(err, tt.as) {
				t.Fatalf("error %v, want a %T", err, tt.as)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("%q holds the credentials", err)
			}
		})
	}
}

// The pin of a folder is that of its content, wherever it lies.
func TestBuildpackDigest(t *testing.T) {
	t.Parallel()
	a, b := project(t), project(t)
	pin := func(dir string) BuildpackPin {
		pins, err := ResolveBuildpacks(t.Context(), []string{filepath.Join(dir, "bp")}, nil, dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return pins[0]
	}
	first, second := pin(a), pin(b)
	if first.Digest != second.Digest || first.Key != second.Key {
		t.Errorf("%s %s and %s %s", first.Key, first.Digest, second.Key, second.Digest)
	}
	write(t, b+"/bp/bin/compile", "#!/bin/bash", 0o755)
	if pin(b).Digest == first.Digest {
		t.Error("a change of a script does not change the digest")
	}
}
