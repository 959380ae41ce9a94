package reconcile

import "slices"

// stagingLines are how many lines of a staging's log its failure is told with.
const stagingLines = 30

// stagingTail keeps the last lines of both streams of a staging's log. They
// have no common order: what was written last on one may come before what the
// other had long before.
type stagingTail struct{ stdout, stderr []string }

func (t *stagingTail) add(line string, stderr bool) {
	stream := &t.stdout
	if stderr {
		stream = &t.stderr
	}
	*stream = append(*stream, line)
	if len(*stream) > stagingLines {
		*stream = (*stream)[1:]
	}
}

// lines are the last ones, standard output first: the reason of a failure is
// the end of standard error. Each stream has half of the room, and what the
// other leaves of its own.
func (t *stagingTail) lines() []string {
	errs := min(len(t.stderr), max(stagingLines/2, stagingLines-len(t.stdout)))
	out := min(len(t.stdout), stagingLines-errs)
	return slices.Concat(t.stdout[len(t.stdout)-out:], t.stderr[len(t.stderr)-errs:])
}
