package nomad

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/nomadtest"
	"wadi/internal/sleep"
	"wadi/internal/testwait"
)

func TestTailStart(t *testing.T) {
	t.Parallel()
	files := []LogFile{
		{Stream: Stderr, Index: 0, Size: 7},
		{Stream: Stdout, Index: 4, Size: 100}, {Stream: Stdout, Index: 5, Size: 100}, {Stream: Stdout, Index: 6, Size: 10},
	}
	for _, c := range []struct {
		stream string
		n      int64
		want   logPosition
		whole  bool
	}{
		{Stdout, 5, logPosition{6, 5}, false},
		{Stdout, 10, logPosition{5, 100}, false},
		{Stdout, 50, logPosition{5, 60}, false},
		{Stdout, 209, logPosition{4, 1}, false},
		{Stdout, 210, logPosition{4, 0}, true},
		{Stdout, 999, logPosition{4, 0}, true},
		{Stderr, 7, logPosition{0, 0}, true},
		{"none", 7, logPosition{}, true},
	} {
		if got, whole := tailStart(files, c.stream, c.n); got != c.want || whole != c.whole {
			t.Errorf("%d of %s: %+v, %v, want %+v, %v", c.n, c.stream, got, whole, c.want, c.whole)
		}
	}
}

func TestLastLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		n     int
		whole bool
		want  string
		found bool
	}{
		{"a\nb\nc\n", 2, true, "b\nc\n", true},
		{"a\nb\nc", 2, true, "b\nc", true},
		{"a\nb\n", 2, true, "a\nb\n", true},
		{"a\nb\n", 2, false, "a\nb\n", false}, // a may be the end of a longer line
		{"x\na\nb\n", 2, false, "a\nb\n", true},
		{"", 3, true, "", true},
		{"\n\n", 1, true, "\n", true},
		{"a\nb\n", 0, false, "", true},
	} {
		if got, found := lastLines([]byte(c.text), c.n, c.whole); string(got) != c.want || found != c.found {
			t.Errorf("%d of %q: %q, %v, want %q, %v", c.n, c.text, got, found, c.want, c.found)
		}
	}
}

func FuzzLastLines(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		got, found := lastLines(text, n, true)
		if !found || !bytes.HasSuffix(text, got) || n > 0 && bytes.Count(bytes.TrimSuffix(got, []byte("\n")), []byte("\n")) >= n {
			t.Errorf("%d of %q: %q, %v", n, text, got, found)
		}
	})
}

// shellJob is a batch job that runs a shell script, whose log is kept in
// small files.
func shellJob(id, script string) *api.Job {
	return &api.Job{
		ID: new(id), Name: new(id), Type: new(api.JobTypeBatch), Datacenters: []string{"*"},
		TaskGroups: []*api.TaskGroup{{
			Name: new("g"), RestartPolicy: &api.RestartPolicy{Attempts: new(0), Mode: new("fail")},
			ReschedulePolicy: &api.ReschedulePolicy{Attempts: new(0), Unlimited: new(false)},
			EphemeralDisk:    &api.EphemeralDisk{SizeMB: new(20)},
			Tasks: []*api.Task{{Name: "t", Driver: "raw_exec", Config: map[string]any{"command": "/bin/sh", "args": []string{"-c", script}},
				Resources: &api.Resources{CPU: new(20), MemoryMB: new(32)},
				LogConfig: &api.LogConfig{MaxFiles: new(3), MaxFileSizeMB: new(1)}}},
		}},
	}
}

func testClient(t *testing.T) *Client {
	t.Helper()
	agent := nomadtest.Agent(t)
	c, err := New(Config{Address: agent.Address, Token: agent.ManagementToken, Space: nomadtest.Namespace(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// instanceOf waits for the instance of a batch job.
func instanceOf(t *testing.T, c *Client, id string) string {
	t.Helper()
	var alloc string
	testwait.Until(t, "job "+id+" has an instance", func() bool {
		allocs, err := c.Allocations(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(allocs) > 0 {
			alloc = allocs[0].ID
		}
		return alloc != ""
	})
	return alloc
}

// TestLogReaderAcrossRotation reads while a task writes more than Nomad
// keeps: no line comes twice or out of order, and the last ones are there.
func TestLogReaderAcrossRotation(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	const lines = 60_000 // of 100 bytes: twice what three files hold
	script := fmt.Sprintf(`pad=$(printf '%%090d' 0); seq -f "%%07.0f $pad" 1 %d; echo last words >&2`, lines)
	if err := c.RunBatch(t.Context(), shellJob("talker", script)); err != nil {
		t.Fatal(err)
	}
	id := instanceOf(t, c, "talker")
	out, errs := c.LogReader(id, Stdout), c.LogReader(id, Stderr)
	var text, last bytes.Buffer
	for ended := 0; ended < 2; {
		alloc, err := c.Allocation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		files, err := c.LogFiles(t.Context(), id, "t")
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Read(t.Context(), files, &text); err != nil {
			t.Fatal(err)
		}
		if err := errs.Read(t.Context(), files, &last); err != nil {
			t.Fatal(err)
		}
		if terminal(alloc.ClientStatus) {
			ended++
		}
		if err := sleep.For(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if last.String() != "last words\n" {
		t.Errorf("stderr: %q", last.String())
	}
	checkNumbered(t, text.String(), lines)

	files, err := c.LogFiles(t.Context(), id, "t")
	if err != nil {
		t.Fatal(err)
	}
	tail, err := c.LogReader(id, Stdout).Tail(t.Context(), files, 30_000) // more than one file
	if err != nil {
		t.Fatal(err)
	}
	checkNumbered(t, string(tail), lines)
	if three, err := out.Tail(t.Context(), files, 3); err != nil || strings.Count(string(three), "\n") != 3 {
		t.Errorf("three lines: %q, %v", three, err)
	}
	var more bytes.Buffer
	if err := out.Read(t.Context(), files, &more); err != nil || more.Len() > 0 {
		t.Errorf("after the end: %q, %v", more.String(), err)
	}
	if none, err := c.LogFiles(t.Context(), id, "other"); err != nil || len(none) > 0 {
		t.Errorf("of another task: %v, %v", none, err)
	}
}

// checkNumbered holds lines that begin with rising numbers to end with the
// given one. Some may be missing where Nomad has rotated them away; there
// the rest of a line may stand.
func checkNumbered(t *testing.T, text string, last int) {
	t.Helper()
	before := 0
	for line := range strings.Lines(text) {
		var n int
		if len(line) != 99 {
			continue
		}
		if _, err := fmt.Sscanf(line, "%07d ", &n); err != nil || n <= before {
			t.Fatalf("after line %d: %.20q", before, line)
		}
		before = n
	}
	if before != last {
		t.Errorf("the last line is %d of %d", before, last)
	}
}

func TestLogFilesOfNobody(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	files, err := c.LogFiles(t.Context(), "11111111-1111-1111-1111-111111111111", "t")
	if err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestLogFilesForbidden says which capability is missing.
func TestLogFilesForbidden(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	if err := c.RunBatch(t.Context(), shellJob("quiet", "sleep 100")); err != nil {
		t.Fatal(err)
	}
	id := instanceOf(t, c, "quiet")
	poor, err := New(Config{Address: c.Address(), Space: c.Space,
		Token: nomadtest.Token(t, fmt.Sprintf(`namespace %q { capabilities = ["read-job"] }`, c.Space))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = poor.LogFiles(t.Context(), id, "t")
	if StatusOf(err) != 403 {
		t.Fatalf("the error is %v", err)
	}
	if hint := err.(*Error).Hint(); !strings.Contains(hint, "read-fs") {
		t.Errorf("the hint is %q", hint)
	}
}
