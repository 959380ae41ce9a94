package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"wadi/reconcile"
)

// logWriter prints log lines in cf's shape.
type logWriter struct {
	w        io.Writer
	terminal bool
	color    bool
	json     bool
	named    bool // lines say which app they are of
	colors   map[string]string
}

func newLogWriter(w io.Writer, s settings, named bool) *logWriter {
	return &logWriter{w: w, terminal: isTerminal(w), color: s.color(w), json: s.JSON, named: named, colors: map[string]string{}}
}

// logTime is cf's.
const logTime = "2006-01-02T15:04:05.00-0700"

// palette colours the labels of instances, in the order in which they come.
// Red is for errors.
var palette = []string{"\x1b[36m", green, "\x1b[35m", yellow, "\x1b[34m", "\x1b[96m", "\x1b[92m", "\x1b[95m", "\x1b[93m", "\x1b[94m"}

// line prints one line.
func (l *logWriter) line(line reconcile.AppLine) error {
	if l.json {
		return l.jsonLine(line)
	}
	at := "-" + strings.Repeat(" ", len("2006-01-02T15:04:05.00+0000")-1)
	if !line.At.IsZero() {
		at = line.At.UTC().Format(logTime)
	}
	stream := "OUT"
	if line.Stderr {
		stream = paint(l.color, red, "ERR")
	}
	app, text := "", line.Text
	if l.named {
		app = line.App + " "
	}
	if l.terminal {
		text = clean(text)
	}
	_, err := fmt.Fprintf(l.w, "%s %s%s %s %s\n", at, app, paint(l.color, l.colorOf(line), "["+line.Source+"]"), stream, text)
	return err
}

// colorOf is the colour of a line's instance.
func (l *logWriter) colorOf(line reconcile.AppLine) string {
	key := line.App + " " + line.Source
	if l.colors[key] == "" {
		l.colors[key] = palette[len(l.colors)%len(palette)]
	}
	return l.colors[key]
}

// jsonLine prints one line as a document; bytes that are no UTF-8 become
// U+FFFD. "time" is missing where it is not known.
func (l *logWriter) jsonLine(line reconcile.AppLine) error {
	out := struct {
		Time     *time.Time `json:"time,omitempty"`
		App      string     `json:"app"`
		Source   string     `json:"source"`
		Process  string     `json:"process,omitempty"`
		Instance int        `json:"instance"`
		Alloc    string     `json:"alloc,omitempty"`
		Stream   string     `json:"stream"`
		Text     string     `json:"text"`
	}{App: line.App, Source: line.Source, Process: line.Process, Instance: line.Instance, Alloc: line.Alloc, Stream: "stdout", Text: line.Text}
	if line.Stderr {
		out.Stream = "stderr"
	}
	if !line.At.IsZero() {
		out.Time = new(line.At.UTC())
	}
	enc := json.NewEncoder(l.w)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
