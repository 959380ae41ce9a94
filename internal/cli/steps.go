package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// steps shows what a long command is doing: on a terminal one line that is
// redrawn, elsewhere a line with its time at each new phase, and every
// stepPause within one.
type steps struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	phase string
	said  time.Time
	text  string
}

const stepPause = 10 * time.Second

func newSteps(w io.Writer) *steps { return &steps{w: w, live: isTerminal(w)} }

// say says what is going on.
func (s *steps) say(phase, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.text {
		return
	}
	s.text = text
	if s.live {
		fmt.Fprintf(s.w, "\r%s%s", eraseBelow, cut(clean(text), terminalWidth(s.w)))
		return
	}
	now := time.Now()
	if phase == s.phase && now.Sub(s.said) < stepPause {
		return
	}
	s.phase, s.said = phase, now
	fmt.Fprintf(s.w, "%s %s\n", now.UTC().Format(time.RFC3339), text)
}

// end takes the redrawn line away and says a last thing.
func (s *steps) end(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.text = "", ""
	if s.live {
		fmt.Fprintf(s.w, "\r%s", eraseBelow)
	}
	fmt.Fprintln(s.w, text)
}
