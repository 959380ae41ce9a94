package agent

import (
	"bytes"
	"strings"
)

// keptLines is how many of the last lines an error quotes.
const keptLines = 15

// lineWriter cuts what is written to it into lines. Those that seen does not
// take are kept, the last keptLines of them.
type lineWriter struct {
	seen func(line string) bool
	part []byte
	kept []string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, found := bytes.Cut(w.part, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.line(string(line))
		w.part = append(w.part[:0], rest...)
	}
}

// flush takes a last line that has no end.
func (w *lineWriter) flush() {
	if len(w.part) > 0 {
		w.line(string(w.part))
		w.part = nil
	}
}

func (w *lineWriter) line(s string) {
	s = strings.TrimSuffix(s, "\r")
	if w.seen != nil && w.seen(s) {
		return
	}
	w.kept = append(w.kept, s)
	if len(w.kept) > keptLines {
		w.kept = w.kept[1:]
	}
}

// rest is the kept lines in one string.
func (w *lineWriter) rest() string { return strings.Join(w.kept, "\n") }
