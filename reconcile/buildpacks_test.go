package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"wadi/stage"
	"wadi/stage/remote"
)

// remotePins are a repository and an archive, as a plan has them; without a
// commit the repository could not be reached.
func remotePins(t *testing.T, commit, sum string) []stage.BuildpackPin {
	t.Helper()
	repository, err := remote.Parse("https://user:geheim@host.example/bp.git#main")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := remote.Parse("https://host.example/bp.zip")
	if err != nil {
		t.Fatal(err)
	}
	pins := []stage.BuildpackPin{
		{Key: repository.Shown, Name: "bp", Digest: commit, Remote: &remote.Pin{Address: repository, Digest: commit, What: "branch main"}},
		{Key: "zipped", Name: "zipped", Digest: sum, Remote: &remote.Pin{Address: archive, Digest: sum}},
	}
	if commit == "" {
		pins[0].Unreached = fmt.Errorf("buildpack %w", &remote.UnreachableError{Shown: repository.Shown, Err: errors.New("no route to host")})
		pins[0].Remote.What = ""
	}
	return pins
}

var (
	commitA, commitB = strings.Repeat("a", 40), strings.Repeat("b", 40)
	sumA, sumB       = strings.Repeat("1", 64), strings.Repeat("2", 64)
)

// buildpackCases are plans of apps whose buildpacks lie on servers.
func buildpackCases(t *testing.T) map[string]func() scenario {
	t.Helper()
	is := func() observed { return runsWith(t, shop(), "p1", remotePins(t, commitA, sumA)) }
	return map[string]func() scenario{
		"buildpack-moved": func() scenario {
			return scenario{app: shop(), pkg: "p1", is: is(), packs: remotePins(t, commitB, sumA)}
		},
		"buildpacks-moved-and-source": func() scenario {
			return scenario{app: shop(), pkg: "p2", is: is(), packs: remotePins(t, commitB, sumB)}
		},
		"buildpack-other": func() scenario {
			return scenario{app: shop(), pkg: "p1", is: is(), packs: remotePins(t, commitA, sumA)[:1]}
		},
		"buildpack-unreached-new": func() scenario {
			return scenario{app: shop(), pkg: "p1", packs: remotePins(t, "", sumA)}
		},
		"buildpack-unreached-kept": func() scenario {
			return scenario{app: shop(), pkg: "p1", result: dropletA, is: is(), packs: remotePins(t, "", sumA)}
		},
		"buildpack-unreached-added": func() scenario {
			return scenario{app: shop(), pkg: "p1", is: runs(t, shop(), "p1"), packs: remotePins(t, "", sumA)}
		},
	}
}

// A pin that is kept is the whole digest, not the one that people see.
func TestKeepPins(t *testing.T) {
	t.Parallel()
	p := pinned{Buildpacks: remotePins(t, "", sumB)}
	runs := revisionRecord{Number: 3, Pins: pinned{Buildpacks: remotePins(t, commitA, sumA)}.pins(testSalt)}
	p.keep(runs, testSalt)
	if p.Open || p.Buildpacks[0].Digest != commitA || p.Buildpacks[0].Remote.Digest != commitA || p.Buildpacks[1].Digest != sumB {
		t.Errorf("%+v", p)
	}
	open := pinned{Buildpacks: remotePins(t, "", sumB)}
	open.keep(revisionRecord{}, testSalt)
	if !open.Open || open.Buildpacks[0].Digest != "" || len(open.Unresolved) != 1 {
		t.Errorf("%+v", open)
	}
	// a declared name may lead to another repository by now
	elsewhere := pinned{Buildpacks: remotePins(t, "", sumB)}
	address, err := remote.Parse("https://host.example/other.git#main")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Buildpacks[0].Remote.Address = address
	if elsewhere.keep(runs, testSalt); !elsewhere.Open {
		t.Errorf("%+v", elsewhere)
	}
}

func TestBuildpacksChanged(t *testing.T) {
	t.Parallel()
	was := pinned{Buildpacks: remotePins(t, commitA, sumA), SkipDetect: true}.describeBuildpacks()
	for name, tt := range map[string]struct {
		was  string
		pins []stage.BuildpackPin
		want string
	}{
		"same":         {was, remotePins(t, commitA, sumA), ""},
		"fewer":        {was, remotePins(t, commitA, sumA)[:1], ""},
		"others":       {"staticfile", remotePins(t, commitA, sumA), ""},
		"one name":     {"zipped-too@111111111111", remotePins(t, commitA, sumA)[1:], ""},
		"was built-in": {"zipped", remotePins(t, commitA, sumA)[1:], "buildpack zipped is another archive now"},
		"in detection": {"detect: " + was, remotePins(t, commitA, sumB), "buildpack zipped is another archive now"},
	} {
		if got := (pinned{Buildpacks: tt.pins}).buildpacksChanged(tt.was); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
