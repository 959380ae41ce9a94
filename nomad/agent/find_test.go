package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/internal/testprogram"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ out, want string }{
		{"Nomad v1.11.3\nBuildDate 2026\n", "v1.11.3"},
		{"Nomad v1.8.0-beta.1\n", "v1.8.0-beta.1"},
		{"Nomad v1.10.2+ent\n", "v1.10.2+ent"},
		{"==> a warning\nNomad v2.0.1 (abc)\n", "v2.0.1"},
		{"Nomad vX\n", ""},
		{"Consul v1.20.0\n", ""},
		{"", ""},
	} {
		got, err := parseVersion(tt.out)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("parseVersion(%q) = %q, %v; want %q", tt.out, got, err, tt.want)
		}
	}
}

// script writes an executable that answers `version`.
func script(t *testing.T, dir, version string) string {
	t.Helper()
	path := filepath.Join(dir, "nomad")
	text := "#!/bin/sh\n[ \"$1\" = version ] || exit 64\necho 'Nomad " + version + "'\n"
	testprogram.Write(t, path, text, 0o755)
	return path
}

func TestFindTakesWhatIsThere(t *testing.T) {
	t.Parallel()
	onPath, inEnv := t.TempDir(), t.TempDir()
	path, env := script(t, onPath, "v1.9.0"), script(t, inEnv, "v1.10.0")
	for _, tt := range []struct {
		name string
		env  []string
		want Binary
	}{
		{"PATH", []string{"PATH=/nonexistent:" + onPath}, Binary{path, "v1.9.0"}},
		{"WADI_NOMAD goes first", []string{"PATH=" + onPath, "WADI_NOMAD=" + env}, Binary{env, "v1.10.0"}},
		{"the last of two counts", []string{"PATH=/nonexistent", "PATH=" + onPath}, Binary{path, "v1.9.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Find(t.Context(), FindOptions{CacheDir: t.TempDir(), Env: tt.env})
			if err != nil || got != tt.want {
				t.Errorf("Find = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestFindRefusesWhatWasNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := script(t, dir, "v1.7.7")
	_, err := Find(t.Context(), FindOptions{CacheDir: t.TempDir(), Env: []string{"WADI_NOMAD=" + old}})
	var tooOld *tooOldError
	if !errors.As(err, &tooOld) || tooOld.Version != "v1.7.7" || tooOld.Path != old {
		t.Errorf("an old $WADI_NOMAD: %v", err)
	}
	_, err = Find(t.Context(), FindOptions{CacheDir: t.TempDir(), Env: []string{"WADI_NOMAD=/nonexistent/nomad"}})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "$WADI_NOMAD") {
		t.Errorf("a missing $WADI_NOMAD: %v", err)
	}
}

func TestFindSkipsAnOldOneOnPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script(t, dir, "v1.7.7")
	var events []Event
	_, err := Find(t.Context(), FindOptions{
		CacheDir: t.TempDir(), Env: []string{"PATH=" + dir},
		Progress: func(e Event) { events = append(events, e) },
	})
	if !errors.Is(err, errNoGo) {
		t.Errorf("without go: %v", err)
	}
	if len(events) != 1 || events[0].Phase != PhaseSkip || !strings.Contains(events[0].Text, "v1.7.7, older than v1.8.0") {
		t.Errorf("events = %+v", events)
	}
}

func TestFindStopsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	script(t, dir, "v1.9.0")
	if _, err := Find(ctx, FindOptions{CacheDir: t.TempDir(), Env: []string{"PATH=" + dir}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Find = %v", err)
	}
}

func TestNomadRecipe(t *testing.T) {
	t.Parallel()
	r := nomadBuild()
	if !strings.Contains(string(r.GoMod), "require "+r.Package+" "+Pinned+"\n") {
		t.Errorf("go.mod does not require %s %s:\n%s", r.Package, Pinned, r.GoMod)
	}
	if !strings.Contains(string(r.GoSum), r.Package+" "+Pinned+" h1:") {
		t.Errorf("go.sum lacks %s %s", r.Package, Pinned)
	}
}
