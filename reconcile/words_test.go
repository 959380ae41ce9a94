package reconcile

import (
	"testing"

	"wadi/stage/lifecycle"
)

// An app's buildpacks are all told, also those that give themselves no name.
func TestNamesOf(t *testing.T) {
	t.Parallel()
	for want, buildpacks := range map[string][]lifecycle.BuildpackInfo{
		"":           nil,
		"staticfile": {{Key: "staticfile_buildpack", Name: "staticfile"}},
		"./bp, https://example.org/b.zip, nodejs": {{Key: "./bp"}, {Key: "https://example.org/b.zip"}, {Key: "n", Name: "nodejs"}},
	} {
		if got := namesOf(buildpacks); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
