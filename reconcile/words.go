package reconcile

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"wadi/stage/lifecycle"
)

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", humanize.Comma(int64(n)), noun)
}

func humanBytes(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// namesOf are the buildpacks that made a droplet, each as it named itself or
// else as the files name it.
func namesOf(buildpacks []lifecycle.BuildpackInfo) string {
	var names []string
	for _, b := range buildpacks {
		names = append(names, cmp.Or(b.Name, b.Key))
	}
	return strings.Join(names, ", ")
}
