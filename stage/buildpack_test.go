package stage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wadi/internal/sourcetest"
	"wadi/spec"
	"wadi/stage/remote"
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
	write(t, dir+"/broken.zip", "PK", 0o644)
	write(t, dir+"/bp.zip", string(zipBytes(t, zipped{name: "repo-main/bin/detect", content: "#!/bin/sh"}, zipped{name: "repo-main/lib/x"})), 0o644)
	return dir
}

func TestPinBuildpacks(t *testing.T) {
	t.Parallel()
	dir := project(t)
	other := project(t)
	declared := map[string]spec.Buildpack{
		"python": {Name: "python", Source: dir + "/bp"},
		"binary": {Name: "binary", Source: "./nested"},
		"old":    {Name: "old", Source: "./bp", Disabled: true},
		"other":  {Name: "other", Source: "./bp", Stack: "host"},
		"nodejs": {Name: "nodejs", Source: "./bp", Stack: "elsewhere"},
		"zipped": {Name: "zipped", Source: "./bp.zip"},
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
			builtin("staticfile", "staticfile"), builtin("nodejs", "nodejs"), builtin("go", "go"), folder("python", "python", dir+"/bp"), builtin("procfile", "procfile"),
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
		{[]string{"./bp.zip"}, []BuildpackPin{folder("./bp.zip", "bp.zip", "unpacked/repo-main")}},
		{[]string{"zipped"}, []BuildpackPin{folder("zipped", "zipped", "unpacked/repo-main")}},
		{[]string{"other"}, []BuildpackPin{folder("other", "other", dir+"/bp")}},
		{[]string{"nodejs"}, []BuildpackPin{builtin("nodejs", "nodejs")}}, // the declared one is for another stack
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.names, " "), func(t *testing.T) {
			t.Parallel()
			got, err := NewBuildpacks(declared, t.TempDir()).Pin(t.Context(), BuildpackNames{Names: tt.names, Dir: dir, Stack: "host"})
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range got {
				if p.Tree != nil && strings.Contains(p.Tree.Root, "/buildpacks/trees/") { // a folder of the cache
					got[i].Tree.Root = "unpacked/" + filepath.Base(p.Tree.Root)
				}
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

func TestPinBuildpacksErrors(t *testing.T) {
	t.Parallel()
	dir := project(t)
	for _, name := range []string{"bin/supply", "holes"} {
		write(t, filepath.Join(dir, "huge", name), "x", 0o755)
	}
	if err := os.Truncate(filepath.Join(dir, "huge/holes"), 10<<30); err != nil {
		t.Fatal(err)
	}
	const token = "t0ken"
	declared := map[string]spec.Buildpack{
		"ruby":   {Name: "ruby", Source: "http://" + token + "@example.org/ruby.zip"},
		"summed": {Name: "summed", Source: dir + "/bp", SHA256: strings.Repeat("0", 64)},
		"packed": {Name: "packed", Source: dir + "/bp.zip", SHA256: strings.Repeat("0", 64)},
		"git":    {Name: "git", Source: "https://" + token + "@127.0.0.1:1/r.git", SHA256: strings.Repeat("0", 64)},
		"off":    {Name: "off", Source: dir + "/bp", Disabled: true, Pos: spec.Pos{File: "wadi.hcl", Line: 3}},
		"cf":     {Name: "cf", Source: dir + "/bp", Stack: "cflinuxfs4", Pos: spec.Pos{File: "wadi.hcl", Line: 4}},
		"hidden": {Name: "hidden", Source: "git://example.org/" + token, Sensitive: true},
	}
	unknown, refused, malformed, tooBig := new(*UnknownBuildpackError), new(*BuildpackError), new(*MalformedBuildpackError), new(*TooBigError)
	address, source := new(*remote.AddressError), new(*remote.SourceError)
	tests := []struct {
		name string
		as   any      // the type of the error
		says []string // parts of its text
	}{
		{"staticfil", unknown, []string{`Specified unknown buildpack name: "staticfil"`, `did you mean "staticfile"?`, "binary, cf, git, go, hidden, nodejs, off, packed, procfile, python, ruby, staticfile, summed"}},
		{"rubby_buildpack", unknown, []string{`Specified unknown buildpack name: "rubby_buildpack"`, `did you mean "ruby"?`}},
		{"java_buildpack", unknown, []string{`Specified unknown buildpack name: "java_buildpack" (known`}},
		{"node_buildpack", unknown, []string{`did you mean "nodejs"?`}},
		{"", unknown, []string{`Specified unknown buildpack name: ""`}},
		{"bp", unknown, []string{`"bp" (known`}},
		{"ruby", address, []string{"buildpack ruby: http://example.org/ruby.zip", "without encryption"}},
		{"http://user:" + token + "@example.org/x.git#v1", address, []string{"buildpack http://example.org/x.git#v1: git is used over https and ssh alone"}},
		{"https://us%zzer:" + token + "@example.org/x", address, []string{"https://example.org/x"}},
		{"hidden", address, []string{"buildpack hidden: (sensitive): git:// is not supported"}},
		{"git", source, []string{"buildpack git: https://127.0.0.1:1/r.git: sha256 is for archives"}},
		{"summed", refused, []string{"buildpack summed: sha256 is of an archive, and " + dir + "/bp is a folder"}},
		{"packed", source, []string{"buildpack packed: " + dir + "/bp.zip: its sha256 is", "the files say 0000"}},
		{"off", refused, []string{"it is disabled at wadi.hcl:3"}},
		{"cf_buildpack", refused, []string{`it is for stack "cflinuxfs4" (wadi.hcl:4), and the app is for "host"`}},
		{"./broken.zip", source, []string{"buildpack ./broken.zip: " + dir + "/broken.zip: it is neither a zip nor a tar file"}},
		{"./nobin", malformed, []string{"./nobin", "bin"}},
		{"./two", malformed, []string{"./two", "single folder"}},
		{"./noexec", malformed, []string{"bin/supply is not executable", "chmod +x " + dir + "/noexec/bin/supply"}},
		{"./huge", tooBig, []string{"buildpack ./huge: " + dir + "/huge holds 10G, more than the disk of its staging, 4G (holes alone has 10G): leave out what it does not need, or raise the app's disk"}},
		{"./nowhere", nil, []string{"./nowhere", "check the path"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewBuildpacks(declared, t.TempDir()).Pin(t.Context(), BuildpackNames{Names: []string{"procfile", tt.name}, Dir: dir, Stack: "host", MaxBytes: 4 << 30})
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
			var wrong PinErrors
			if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Index != 1 {
				t.Errorf("%#v is not about the second buildpack alone", err)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("%q holds the credentials", err)
			}
		})
	}
}

func TestUnknownBuildpackHint(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"bp":                     "A folder is written ./bp,",
		"java_buildpack":         "https://github.com/cloudfoundry/java-buildpack/releases",
		"java_buildpack_offline": "https://github.com/cloudfoundry/java-buildpack/releases",
		"dotnet_core_buildpack":  "https://github.com/cloudfoundry/dotnet-core-buildpack/releases",
	} {
		hint := (&UnknownBuildpackError{Name: name}).Hint()
		if !strings.Contains(hint, says) || !strings.Contains(hint, `buildpack "`+name+`" {`) {
			t.Errorf("%s: %q does not say %q", name, hint, says)
		}
	}
}

// All that is wrong comes at once, in the order of the files.
func TestPinBuildpacksAllErrors(t *testing.T) {
	t.Parallel()
	_, err := NewBuildpacks(nil, t.TempDir()).Pin(t.Context(), BuildpackNames{Names: []string{"./nowhere", "procfile", "java_buildpack"}, Dir: t.TempDir()})
	var wrong PinErrors
	if !errors.As(err, &wrong) || len(wrong) != 2 || wrong[0].Index != 0 || wrong[1].Index != 2 {
		t.Fatalf("%#v", err)
	}
	if !errors.Is(wrong[0], fs.ErrNotExist) || !errors.As(wrong[1], new(*UnknownBuildpackError)) {
		t.Errorf("%v", err)
	}
}

// The pin of a folder is that of its content, wherever it lies.
func TestBuildpackDigest(t *testing.T) {
	t.Parallel()
	a, b := project(t), project(t)
	pin := func(dir string) BuildpackPin {
		pins, err := NewBuildpacks(nil, "").Pin(t.Context(), BuildpackNames{Names: []string{filepath.Join(dir, "bp")}, Dir: dir})
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

// Servers are asked, and what cannot be reached is told and stops nothing.
func TestPinRemoteBuildpacks(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	repo := server.Repository(t, "private/rp")
	commit := repo.Commit(t, map[string]string{"bin/detect": "d"})
	write(t, server.Dir+"/zp.zip", string(zipBytes(t, zipped{name: "bin/detect", content: "z"})), 0o644)
	write(t, server.Dir+"/empty.zip", string(zipBytes(t, zipped{name: "README"})), 0o644)
	declared := map[string]spec.Buildpack{
		"named": {Name: "named", Source: server.Login() + "/private/rp.git#main", Sensitive: true},
		"away":  {Name: "away", Source: "https://t0ken@127.0.0.1:1/x.zip"},
	}
	b := NewBuildpacks(declared, t.TempDir())
	b.Store.Pause = func(int) time.Duration { return 0 }
	pins, err := b.Pin(t.Context(), BuildpackNames{Dir: t.TempDir(), Names: []string{
		"named_buildpack", server.URL + "/zp.zip?t=t0ken", "away", server.Login() + "/private/rp.git", server.URL + "/empty.zip"},
		Sensitive: map[int]bool{3: true}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ key, name, digest string }{
		{"named_buildpack", "named", commit},
		{server.URL + "/zp.zip?…", "zp", pins[1].Remote.Digest},
		{"away", "away", ""},
		{server.URL + "/(sensitive)", "sensitive", commit},
	} {
		if p := pins[i]; p.Key != want.key || p.Name != want.name || p.Digest != want.digest || (p.Unreached != nil) != (want.digest == "") {
			t.Errorf("pinned %s (%s) to %q, %v; want %+v", p.Key, p.Name, p.Digest, p.Unreached, want)
		}
	}
	for i, file := range map[int]string{0: "d", 1: "z"} {
		tree, err := b.Fetch(t.Context(), pins[i])
		if err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(tree.Root + "/bin/detect"); err != nil || string(content) != file {
			t.Errorf("%s holds %q (%v)", pins[i].Key, content, err)
		}
	}
	var malformed *MalformedBuildpackError
	if _, err := b.Fetch(t.Context(), pins[4]); !errors.As(err, &malformed) || !strings.Contains(err.Error(), "no folder bin") {
		t.Errorf("without bin: %v", err)
	}
	_, err = b.Fetch(t.Context(), pins[2])
	if err == nil || !strings.Contains(err.Error(), "buildpack away: https://127.0.0.1:1/x.zip: it cannot be reached") || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("unreached: %v", err)
	}
	kept := pins[2].Pinned(strings.Repeat("a", 64))
	if kept.Digest != kept.Remote.Digest || pins[2].Remote.Digest != "" {
		t.Errorf("pinned to %+v", kept)
	}
	for i, want := range map[int]string{
		0: "branch main of buildpack named_buildpack moved", 1: "buildpack " + server.URL + "/zp.zip?… is another archive now",
		3: "default branch of buildpack " + server.URL + "/(sensitive) moved",
	} {
		if got := pins[i].Changed(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Two that people could not tell apart are refused.
func TestBuildpacksOfOneKey(t *testing.T) {
	t.Parallel()
	pins := []BuildpackPin{{Key: "a", Digest: "1"}, {Key: "b", Digest: "2"}, {Key: "a", Digest: "1"}}
	if err := distinct(pins); err != nil {
		t.Error(err)
	}
	var refused *BuildpackError
	if err := distinct(append(pins, BuildpackPin{Key: "b", Digest: "3"})); !errors.As(err, &refused) || refused.Name != "b" {
		t.Errorf("error %v", err)
	}
}

func TestDetectOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		declared []spec.Buildpack
		want     string
	}{
		{nil, "staticfile nodejs go python procfile"},
		{[]spec.Buildpack{{Name: "a"}}, "staticfile nodejs go python procfile"},
		{[]spec.Buildpack{{Name: "a", Position: 1}}, "a staticfile nodejs go python procfile"},
		{[]spec.Buildpack{{Name: "b", Position: 2}, {Name: "a", Position: 2}, {Name: "c", Position: 99}}, "staticfile a b nodejs go python procfile c"},
		{[]spec.Buildpack{{Name: "python", Position: 1}}, "python staticfile nodejs go procfile"},
		{[]spec.Buildpack{{Name: "python"}}, "staticfile nodejs go python procfile"},
		{[]spec.Buildpack{{Name: "python", Disabled: true}, {Name: "a", Position: 1, Disabled: true}}, "staticfile nodejs go procfile"},
		{[]spec.Buildpack{{Name: "a", Position: 1, Stack: "other"}, {Name: "b", Position: 3, Stack: "host"}}, "staticfile nodejs b go python procfile"},
	}
	for _, tt := range tests {
		declared := map[string]spec.Buildpack{}
		for _, d := range tt.declared {
			declared[d.Name] = d
		}
		if got := strings.Join((&Buildpacks{Declared: declared}).detectOrder("host"), " "); got != tt.want {
			t.Errorf("%+v:\n is  %s\nwant %s", tt.declared, got, tt.want)
		}
	}
}
