package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"wadi/internal/golden"
	"wadi/reconcile"
)

var someLines = []reconcile.AppLine{
	{App: "shop", Process: "web", Alloc: "a0", LogLine: reconcile.LogLine{Source: "APP/PROC/WEB/0", Text: "was there before"}},
	{App: "shop", Process: "web", Alloc: "a0", At: noon, LogLine: reconcile.LogLine{Source: "APP/PROC/WEB/0", Text: "GET / \x1b[2J\x1b[31mred\x1b[0m\x07"}},
	{App: "shop", Process: "web", Alloc: "a1", Instance: 1, At: noon, LogLine: reconcile.LogLine{Source: "APP/PROC/WEB/1", Stderr: true, Text: "not \xff UTF-8"}},
	{App: "api", At: noon, LogLine: reconcile.LogLine{Source: "STG/0", Text: ""}},
	{App: "shop", Process: "web", Alloc: "a0", At: noon, LogLine: reconcile.LogLine{Source: "APP/PROC/WEB/0", Text: "same colour as before"}},
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]logWriter{
		"logs.txt":          {},
		"logs-terminal.txt": {terminal: true, color: true, named: true},
		"logs.json":         {json: true},
	} {
		var out bytes.Buffer
		l.w, l.colors = &out, map[string]string{}
		for _, line := range someLines {
			if err := l.line(line); err != nil {
				t.Fatal(err)
			}
		}
		golden.Check(t, name, out.Bytes())
		for text := range strings.Lines(out.String()) {
			if l.json && !json.Valid([]byte(text)) {
				t.Errorf("%q is no JSON", text)
			}
			if l.terminal && (strings.Contains(text, "\x1b[2J") || strings.Contains(text, "\x07")) {
				t.Errorf("%q reaches the terminal", text)
			}
		}
	}
}

func TestEventsTable(t *testing.T) {
	t.Parallel()
	events := []reconcile.AppEvent{
		{Time: noon, App: "shop", Kind: reconcile.RevisionEvent, ID: "3", Type: "deployed", Text: "by me@here, commit 0123456789ab"},
		{Time: noon, App: "shop", Kind: reconcile.DeploymentEvent, ID: "0123456789", Type: "failed", Text: "version 4: \x1b[31mno luck"},
		{Time: noon, App: "shop", Kind: reconcile.JobEvent, ID: "shop", Type: "stopped", Text: "version 5"},
		{Time: noon, App: "shop", Kind: reconcile.InstanceEvent, Process: "web", Instance: new(0), ID: "9876543210", Type: "Terminated", Text: "Exit Code: 1"},
	}
	for name, named := range map[string]bool{"events.txt": false, "events-named.txt": true} {
		var out bytes.Buffer
		if err := writeEvents(&out, events, named); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, out.Bytes())
	}
}
