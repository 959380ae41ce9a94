package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wadi/reconcile"
)

// Lines that come first where --lines says nothing.
const (
	linesFollowing = 10
	linesRecent    = 100
)

func newLogs(streams Streams) *cobra.Command {
	var staging, follow bool
	var o reconcile.LogOptions
	cmd := &cobra.Command{
		Use:   "logs [APP…]",
		Short: "Show what apps write",
		Long: `Show what apps write, on stdout and stderr: the named ones, else all of the
project that the files in the working directory name, or of --project.

It begins with the last lines of each instance and follows all of them until
Ctrl-C: also instances that come with a deployment, a restart or more of them,
and stagings ([STG/0]). It ends by itself when the named apps are destroyed.
--staging shows how the version that runs was staged, however long ago.
With --recent it shows the last lines of each instance and ends: of those that
run and of the two before each, as long as Nomad keeps them.

Nomad keeps no times and no order between stdout and stderr. The time of a line
is when it was read, less than a second after it was written; lines that were
there before have "-" in its place, stdout first. A line above 64 KiB is cut
into parts. On a terminal control characters are taken out; elsewhere every
byte is as it was written.

With --json every line is one JSON document.

A token needs Nomad's capabilities read-job and read-fs.`,
		Annotations: map[string]string{exitCodes: "  0    also when Ctrl-C ends the following"},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, r, err := connectFor(cmd, streams, args)
			if err != nil {
				return err
			}
			if o.Lines < 0 {
				return withHint(fmt.Errorf("--lines is %d", o.Lines), "give a number of lines, 0 for none")
			}
			o.Recent = o.Recent || !follow
			if o.Recent && !cmd.Flags().Changed("lines") {
				o.Lines = linesRecent
			}
			show := newLogWriter(streams.Out, s, len(args) != 1)
			if staging {
				return r.StagingLogs(cmd.Context(), args, show.line)
			}
			err = r.Logs(cmd.Context(), args, o, show.line)
			if !o.Recent && errors.Is(context.Cause(cmd.Context()), ErrInterrupted) {
				return nil // the way following ends
			}
			return err
		},
	}
	addFlags(cmd, keySpace, keyProject, keyVar, keyVarsFile, keyJSON, keyPlatformSpace)
	cmd.Flags().BoolVar(&o.Recent, "recent", false, "show the last lines, of dead instances too, and end")
	cmd.Flags().IntVarP(&o.Lines, "lines", "n", linesFollowing, fmt.Sprintf("how `many` of the last lines of each instance and stream; with --recent %d if not said", linesRecent))
	cmd.Flags().BoolVarP(&follow, "follow", "f", true, "follow until Ctrl-C; --follow=false is --recent")
	cmd.Flags().StringVar(&o.Process, "process", "", "only of the process `type`")
	cmd.Flags().IntVar(&o.Instance, "instance", -1, "only of the instance with this `index`; -1 is all")
	cmd.Flags().BoolVar(&staging, "staging", false, "show how the version that runs was staged, and end")
	for _, other := range []string{"recent", "lines", "process", "instance", "follow"} {
		cmd.MarkFlagsMutuallyExclusive("staging", other)
	}
	cmd.MarkFlagsMutuallyExclusive("recent", "follow")
	return cmd
}

// connectFor is the configuration and the reconciler of a command on named
// apps, or on the project that is here.
func connectFor(cmd *cobra.Command, streams Streams, apps []string) (settings, *reconcile.Reconciler, error) {
	s, err := loadSettings(cmd, nil)
	if err != nil {
		return s, nil, err
	}
	name := ""
	if len(apps) == 0 {
		if name, err = s.projectHere(cmd.Context()); err != nil {
			return s, nil, err
		}
	}
	r, err := s.connect(cmd.Context(), streams, name, name != "")
	return s, r, err
}

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
