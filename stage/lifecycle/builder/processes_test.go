package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMerge has what the reference's builder makes of the same lists.
func TestMerge(t *testing.T) {
	t.Parallel()
	list := func(text ...string) (list []launchProcess) {
		for i := 0; i < len(text); i += 2 {
			list = append(list, launchProcess{Type: text[i], Command: text[i+1]})
		}
		return list
	}
	for name, test := range map[string]struct{ all, later, want []launchProcess }{
		"in place":                   {list("web", "a", "x", "b"), list("new", "c", "web", "d"), list("web", "d", "x", "b", "new", "c")},
		"twice in one file":          {nil, list("web", "a", "web", "b"), list("web", "a", "web", "b")},
		"both are replaced":          {list("web", "a", "web", "b"), list("web", "c"), list("web", "c", "web", "c")},
		"twice in the later":         {list("web", "a"), list("web", "b", "web", "c", "q", "1", "q", "2"), list("web", "c", "q", "1", "q", "2")},
		"nothing":                    {list("web", "a"), nil, list("web", "a")},
		"types differ by case alone": {list("web", "a"), list("Web", "b"), list("web", "a", "Web", "b")},
	} {
		if diff := cmp.Diff(test.want, merge(test.all, test.later)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSidecarNamedAsProcess: in one file they stand beside each other.
func TestSidecarNamedAsProcess(t *testing.T) {
	t.Parallel()
	b := build1(t, project{buildpacks: []scripts{{"bin/finalize": "", "bin/supply": `cat > "$3/$4/launch.yml" <<'Y'
processes:
- {type: web, command: serve}
- {type: web, command: ./proxy, platforms: {cloudfoundry: {sidecar_for: [web]}}}
Y
`}}})
	if b.err != nil || b.meta.ProcessTypes["web"] != "serve" || len(b.meta.Sidecars) != 1 || b.meta.Sidecars[0].Name != "web" {
		t.Errorf("%v, %+v", b.err, b.meta)
	}
}

// TestLinkedFiles: what scripts may read they may link to, wherever it is.
func TestLinkedFiles(t *testing.T) {
	t.Parallel()
	link := `ln -s "$1/../other/config" "$3/$4/config.yml"; ln -s "$1/launch" "$3/$4/launch.yml"; ln -s "$1/commands" "$1/Procfile"` + "\n"
	p := project{
		files:      map[string]string{"launch": "processes: [{type: web, command: from launch}]\n", "commands": "worker: from Procfile\n"},
		buildpacks: []scripts{{"bin/supply": link, "bin/finalize": ""}},
		change:     func(root string) { write(t, filepath.Join(root, "other/config"), "name: linked\n", 0o644) },
	}
	b := build1(t, p)
	want := map[string]string{"web": "from launch", "worker": "from Procfile"}
	if diff := cmp.Diff(want, b.meta.ProcessTypes); b.err != nil || diff != "" || b.meta.LifecycleMetadata.DetectedBuildpack != "linked" {
		t.Errorf("%v, %+v, stderr %q", b.err, b.meta, b.stderr)
	}
	if host.User() == nil {
		return // the builder may read no more than scripts
	}
	p.change = func(root string) {
		write(t, filepath.Join(root, "other/config"), "name: secret\n", 0o600)
		if err := os.Chmod(filepath.Join(root, "other"), 0o700); err != nil {
			t.Error(err)
		}
	}
	if b := build1(t, p); b.err != nil || b.meta.LifecycleMetadata.DetectedBuildpack != "" {
		t.Errorf("%v, %+v: a file was read that scripts may not", b.err, b.meta.LifecycleMetadata)
	}
}

// TestLinkThatGrows: a link is read as far as a file, and no further.
func TestLinkThatGrows(t *testing.T) {
	t.Parallel()
	whole := build1(t, project{buildpacks: []scripts{{"bin/finalize": `{ echo 'web: whole'; head -c 1048565 /dev/zero | tr '\0' '\n'; } > "$1/big"; ln -s big "$1/Procfile"` + "\n", "bin/release": quietRelease}}})
	if whole.err != nil || whole.meta.ProcessTypes["web"] != "whole" {
		t.Errorf("of 1 MiB: %v, %v", whole.err, whole.meta.ProcessTypes)
	}
	b := build1(t, project{buildpacks: []scripts{{"bin/finalize": `head -c 3000000 /dev/zero > "$1/big"; ln -s big "$1/Procfile"` + "\n", "bin/release": quietRelease}}})
	if b.code() != 1 || !strings.HasSuffix(b.err.Error(), "Procfile has more than 1048576 bytes") {
		t.Errorf("code %d, %v", b.code(), b.err)
	}
}

// TestNoDeps: a buildpack may remove the folder.
func TestNoDeps(t *testing.T) {
	t.Parallel()
	b := build1(t, project{buildpacks: []scripts{{"bin/supply": `rm -r "$3"` + "\n", "bin/finalize": "", "bin/release": "echo 'default_process_types: {web: w}'\n"}}})
	if b.err != nil || b.meta.ProcessTypes["web"] != "w" {
		t.Errorf("%v, %+v", b.err, b.meta)
	}
}
