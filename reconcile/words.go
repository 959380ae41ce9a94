package reconcile

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", humanize.Comma(int64(n)), noun)
}

func humanBytes(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
