package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// An instance's last words reach its log when Nomad says that it has ended, or
// later: Nomad keeps them back for a tenth of a second, on a busy machine for
// longer. After wordsPatience there are none: something killed the supervisor.
const (
	wordsPatience = 3 * time.Second
	wordsPoll     = 100 * time.Millisecond
)

// lastWords are the last lines of an instance, with those about its end if it
// has ended.
func (u *run) lastWords(ctx context.Context, alloc *api.Allocation) []string {
	for end := time.Now().Add(wordsPatience); ; {
		log := u.lastLines(ctx, alloc.ID)
		if !hasEnded(alloc) || saysHowItEnded(log) || time.Now().After(end) || sleep.For(ctx, wordsPoll) != nil {
			return log
		}
	}
}

// hasEnded says whether an instance's task has run to an end, be it that it
// runs again.
func hasEnded(alloc *api.Allocation) bool {
	state := alloc.TaskStates[nomad.TaskName]
	return state != nil && slices.ContainsFunc(state.Events, func(e *api.TaskEvent) bool { return e.Type == api.TaskTerminated })
}

// saysHowItEnded looks for what a supervisor writes last.
func saysHowItEnded(log []string) bool {
	return slices.ContainsFunc(log, func(line string) bool { return strings.HasPrefix(line, "ERR "+lifecycle.ExitStatus) })
}

// lastLines are the last lines that an instance wrote, standard output first.
func (u *run) lastLines(ctx context.Context, alloc string) []string {
	const keep = 20
	var out []string
	for _, stream := range []string{nomad.Stdout, nomad.Stderr} {
		var b bytes.Buffer
		if err := u.r.Nomad.TailLog(ctx, alloc, nomad.TaskName, stream, 8<<10, &b); err != nil {
			out = append(out, fmt.Sprintf("(%s cannot be read: %v)", stream, err))
			continue
		}
		text := strings.TrimRight(b.String(), "\n")
		if text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		if len(lines) > keep {
			lines = lines[len(lines)-keep:]
		}
		for _, line := range lines {
			label := "OUT"
			if stream == nomad.Stderr {
				label = "ERR"
			}
			out = append(out, label+" "+line)
		}
	}
	return out
}
