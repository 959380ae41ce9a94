package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wadi/internal/golden"
	"wadi/reconcile"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// clock moves on by a second whenever it is read.
func clock() func() time.Time {
	now := noon
	return func() time.Time { now = now.Add(time.Second); return now }
}

var someEvents = []reconcile.Event{
	{App: "hello", Phase: reconcile.PhaseUpload, Started: true},
	{App: "hello", Phase: reconcile.PhaseUpload, Progress: &reconcile.Progress{Read: 1 << 20, Total: 4 << 20}},
	{App: "hello", Phase: reconcile.PhaseUpload, Progress: &reconcile.Progress{Read: 4 << 20, Total: 4 << 20, Uploaded: 1 << 20, Reused: 3 << 20, Sent: 300 << 10}},
	{App: "hello", Phase: reconcile.PhaseUpload, Ended: true, Took: 1500 * time.Millisecond},
	{App: "hello", Phase: reconcile.PhaseStaging, Started: true},
	{App: "other", Phase: reconcile.PhaseStop, Started: true},
	{App: "hello", Phase: reconcile.PhaseStaging, Log: &reconcile.LogLine{Source: "STG/0", Text: "-----> Installing \x1b[31mred\x1b[0m"}},
	{App: "hello", Phase: reconcile.PhaseStaging, Log: &reconcile.LogLine{Source: "STG/0", Stderr: true, Text: "a warning"}},
	{App: "hello", Phase: reconcile.PhaseStaging, Ended: true, Took: 2 * time.Second},
	{App: "hello", Phase: reconcile.PhaseStart, Started: true},
	{App: "hello", Phase: reconcile.PhaseStart, Text: "0 of 1 instances running"},
	{App: "hello", Phase: reconcile.PhaseStart, Text: "0 of 1 instances running"},
	{App: "hello", Phase: reconcile.PhaseStart, Ended: true, Took: time.Minute, Err: errors.New("no")},
	{App: "other", Phase: reconcile.PhaseStop, Ended: true, Took: time.Second},
	{App: "third", Phase: reconcile.PhaseUpload, Ended: true, Took: time.Second, Err: fmt.Errorf("upload: %w", ErrInterrupted)},
}

func TestProgressOffTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{w: &out, now: clock(), said: map[string]string{}}
	for _, e := range someEvents {
		p.event(e)
	}
	tell := tellSilence("http://127.0.0.1:8470", p.say)
	tell("upload chunk 3fb2")
	tell("upload chunk 99d1") // at once: said once
	golden.Check(t, "progress.txt", out.Bytes())
	if strings.Contains(out.String(), "\x1b") {
		t.Error("escape sequences off the terminal")
	}
}

// A long upload says off a terminal too how far it is, but not with every chunk.
func TestLongUploadOffTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{w: &out, now: clock(), said: map[string]string{}}
	p.event(reconcile.Event{App: "hello", Phase: reconcile.PhaseUpload, Started: true})
	for n := range int64(60) {
		p.event(reconcile.Event{App: "hello", Phase: reconcile.PhaseUpload,
			Progress: &reconcile.Progress{Read: n << 20, Total: 60 << 20, Uploaded: n << 20, Sent: n << 18}})
	}
	p.event(reconcile.Event{App: "hello", Phase: reconcile.PhaseUpload, Ended: true, Took: time.Minute})
	golden.Check(t, "progress-upload.txt", out.Bytes())
}

// TestProgressOnTheTerminal replays what was drawn on a screen.
func TestProgressOnTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{w: &out, live: true, now: clock(), said: map[string]string{}}
	for _, e := range someEvents[:11] {
		p.event(e)
	}
	golden.Check(t, "progress-running.txt", screen(out.Bytes()))
	for _, e := range someEvents[11:] {
		p.event(e)
	}
	golden.Check(t, "progress-ended.txt", screen(out.Bytes()))
}

// screen is what a terminal shows after that output. It knows what ansi.go
// allows: lines, going up, and erasing below.
func screen(out []byte) []byte {
	var lines []string
	row := 0
	for _, chunk := range strings.SplitAfter(string(out), "\n") {
		for strings.HasPrefix(chunk, "\x1b[") && strings.Contains(chunk, "A\r"+eraseBelow) {
			up, rest, _ := strings.Cut(strings.TrimPrefix(chunk, "\x1b["), "A\r"+eraseBelow)
			n := 0
			for _, digit := range up {
				n = n*10 + int(digit-'0')
			}
			row -= n
			lines, chunk = lines[:row], rest
		}
		if chunk != "" {
			lines = append(lines, chunk)
			row++
		}
	}
	return []byte(strings.Join(lines, ""))
}

func TestAppsTable(t *testing.T) {
	t.Parallel()
	apps := []reconcile.AppStatus{
		{
			App: "shop", State: "started", Routes: []string{"shop.localhost", "shop.localhost/api"},
			URLs:      []string{"http://shop.localhost:8080", "http://shop.localhost:8080/api"},
			Buildpack: "staticfile", Revision: 3, Droplet: strings.Repeat("d9e572aa95df", 5),
			Processes: []reconcile.ProcessStatus{
				{Type: "web", Running: 1, Wanted: 2, MemoryMB: 1024, Instances: []reconcile.InstanceStatus{
					{Index: 0, State: "running", Since: noon, CPU: 1.25, MemoryB: 12 << 20, MemoryMB: 1024, DiskB: 5 << 20, DiskMB: 2048},
					{Index: 1, State: "crashed", Since: noon, MemoryMB: 1024, DiskMB: 2048, Restarts: 2, Details: "Exit Code: 1"},
				}},
				{Type: "worker", MemoryMB: 64},
			},
		},
		{App: "idle", State: "stopped"},
		{App: "cache", State: "started", ImageName: "redis:7", Image: "docker.io/library/redis@sha256:abc", Ports: []int{6379}, Revision: 1,
			Processes: []reconcile.ProcessStatus{
				{Type: "web", Running: 1, Wanted: 1, MemoryMB: 64, Instances: []reconcile.InstanceStatus{{State: "running", Since: noon, MemoryMB: 64}}},
			}},
	}
	for name, color := range map[string]bool{"apps.txt": false, "apps-color.txt": true} {
		var out bytes.Buffer
		if err := writeApps(&out, apps, color); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, out.Bytes())
	}
}

func TestFailureReport(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	failure := &reconcile.AppError{App: "shop", Err: withHint(errors.New("start unsuccessful"), "look at its log"),
		Events: []string{"Terminated: Exit Code: 1"}, Log: []string{"panic: \x1b[1mno port"}, Next: []string{"wadi logs shop --recent"}}
	outcome := &reconcile.Outcome{Apps: []reconcile.AppOutcome{{App: "shop", Err: failure, Error: failure.Error()}, {App: "fine"}}}
	err := reportFailures(t.Context(), Streams{Out: &out, Err: &errs}, settings{}, outcome, failure)
	if !errors.Is(err, errReported) {
		t.Errorf("the error is %v, so it would be printed twice", err)
	}
	golden.Check(t, "failure.txt", errs.Bytes())

	errs.Reset()
	_ = reportFailures(t.Context(), Streams{Out: &out, Err: &errs}, settings{GitHub: github{on: true}}, outcome, failure)
	const annotation = "\n::error title=wadi::app \"shop\": start unsuccessful%0Alook at its log\n"
	if !strings.Contains(errs.String(), annotation) {
		t.Errorf("no annotation %q in\n%s", annotation, errs.String())
	}
}

// TestInterruptedReport says what goes on by itself, and nothing of logs.
func TestInterruptedReport(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	var errs bytes.Buffer
	failure := &reconcile.AppError{App: "shop", Err: fmt.Errorf("Nomad goes on with it: %w", ErrInterrupted),
		Log: []string{"some line"}, Next: []string{"wadi status shop"}}
	outcome := &reconcile.Outcome{Apps: []reconcile.AppOutcome{{App: "shop", Err: failure, Error: failure.Error()}}}
	err := reportFailures(ctx, Streams{Err: &errs}, settings{}, outcome, failure)
	if exitCode(ctx, err) != ExitInterrupted {
		t.Errorf("%v is exit code %d", err, exitCode(ctx, err))
	}
	golden.Check(t, "interrupted.txt", errs.Bytes())
}

func TestStateText(t *testing.T) {
	t.Parallel()
	app := reconcile.AppStatus{Processes: []reconcile.ProcessStatus{
		{Type: "web", Instances: []reconcile.InstanceStatus{{State: "running"}, {Index: 1, State: "crashed", Details: "Exit Code: 1", Restarts: 1}}},
		{Type: "worker"},
	}}
	if got, want := stateText(app), "web #0 running, web #1 crashed (Exit Code: 1, 1 restart)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := stateText(reconcile.AppStatus{}); got != "no instances" {
		t.Errorf("%q", got)
	}
}
