package nomad

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wadi/internal/nomadtest"
	"wadi/internal/testwait"
)

// runTask registers a job under the id of a one-off task.
func runTask(t *testing.T, c *Client, id, script string) {
	t.Helper()
	job := shellJob(id, script)
	job.Meta = map[string]string{MetaOwner: Owner}
	if err := c.RunBatch(t.Context(), job); err != nil {
		t.Fatal(err)
	}
}

// TestTaskRuns finds what killed clients left: jobs and Variables of this app
// and of no other.
func TestTaskRuns(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	began := time.Now().Add(-time.Second)
	live, dead, alone := TaskJobID("shop", "live1"), TaskJobID("shop", "dead1"), TaskJobID("shop", "alone1")
	runTask(t, c, live, "exec sleep 1000")
	runTask(t, c, dead, "exit 3")
	runTask(t, c, TaskJobID("shop-2", "other1"), "exec sleep 1000")
	for _, id := range []string{live, alone, "shop"} {
		if _, err := c.WriteVariable(t.Context(), VariablePath(id), Variable{Items: map[string]string{"k": "v"}}); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	alloc, err := c.TaskOutput(instanceOf(t, c, dead), "t").Copy(t.Context(), &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	if code, ok := ExitOf(alloc, "t"); code != 3 || !ok {
		t.Errorf("exit code %d, %v", code, ok)
	}
	want := map[string]bool{live: true, dead: false, alone: false}
	var runs []TaskRun
	testwait.Until(t, "the server has heard that the job is dead", func() bool {
		if runs, err = c.TaskRuns(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(runs, func(r TaskRun) bool { return r.ID == dead })
		return i >= 0 && !runs[i].Live
	})
	for _, run := range runs {
		isLive, known := want[run.ID]
		if !known || run.Live != isLive || run.Last.Before(began) || run.Last.After(time.Now().Add(time.Second)) {
			t.Errorf("%+v", run)
		}
		delete(want, run.ID)
		if err := c.RemoveTask(t.Context(), run.ID); err != nil {
			t.Error(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
	if runs, err = c.TaskRuns(t.Context(), "shop"); err != nil || len(runs) > 0 {
		t.Errorf("left: %+v, %v", runs, err)
	}
	if v, err := c.ReadVariable(t.Context(), VariablePath("shop")); err != nil || v.Index == 0 {
		t.Errorf("the app's own Variable is gone, %v", err)
	}
	if job, err := c.Job(t.Context(), TaskJobID("shop-2", "other1")); err != nil || job == nil {
		t.Errorf("another app's task is gone, %v", err)
	}
}

// TestTaskOutputGoesOn after an interruption where it was, and is ended by a
// writer that takes no more.
func TestTaskOutputGoesOn(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	id := TaskJobID("shop", "x")
	runTask(t, c, id, "trap 'echo last; exit 5' INT TERM; sleep 1000 >/dev/null 2>&1 & echo first; wait") // no new programs: dash loses a signal that comes while it starts one
	output := c.TaskOutput(instanceOf(t, c, id), "t")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var text, errs strings.Builder
	_, err := output.Copy(ctx, onWrite{&text, cancel}, &errs)
	if !errors.Is(err, context.Canceled) || text.String() != "first\n" {
		t.Errorf("%q, %v", text.String(), err)
	}
	if err := c.StopJob(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := output.Copy(t.Context(), &text, &errs); err != nil || text.String() != "first\nlast\n" {
		t.Errorf("%q, %v", text.String(), err)
	}
	again := c.TaskOutput(instanceOf(t, c, id), "t")
	if _, err := again.Copy(t.Context(), &failing{}, &errs); !errors.Is(err, errFull) {
		t.Errorf("with a full disk: %v", err)
	}
}

// TestTaskOutputWaitsForTheLastLine of a task that has ended: Nomad may tell of
// the end before it has written it to the log.
func TestTaskOutputWaitsForTheLastLine(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	id := TaskJobID("shop", "late")
	runTask(t, c, id, "echo $NOMAD_ALLOC_DIR; exit 3")
	output := c.TaskOutput(instanceOf(t, c, id), "t")
	var text, errs strings.Builder
	asked := 0
	output.Last = func(code int) string {
		if asked++; asked == 2 { // what Nomad has kept back
			dir, _, _ := strings.Cut(text.String(), "\n")
			appendTo(t, filepath.Join(dir, "logs", "t.stdout.0"), "late\n")
			appendTo(t, filepath.Join(dir, "logs", "t.stderr.0"), fmt.Sprintf("Exit status %d\n", code))
		}
		return "Exit status "
	}
	if _, err := output.Copy(t.Context(), &text, &errs); err != nil || !strings.HasSuffix(text.String(), "\nlate\n") || errs.String() != "Exit status 3\n" {
		t.Errorf("%q, %q, %v", text.String(), errs.String(), err)
	}

	none := c.TaskOutput(instanceOf(t, c, id), "t")
	none.Last = func(int) string { return "nobody writes this" } // it was killed
	if _, err := none.Copy(t.Context(), io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}

// appendTo writes to the end of a file that may not be there.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// onWrite does something after each write.
type onWrite struct {
	w  *strings.Builder
	do func()
}

func (o onWrite) Write(p []byte) (int, error) {
	defer o.do()
	return o.w.Write(p)
}

func TestExec(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	runTask(t, c, "host", "exec sleep 1000")
	alloc := instanceOf(t, c, "host")
	testwait.Until(t, "the task runs", func() bool {
		a, err := c.Allocation(t.Context(), alloc)
		if err != nil {
			t.Fatal(err)
		}
		s := a.TaskStates["t"]
		return s != nil && s.State == "running"
	})
	var out, errs strings.Builder
	code, err := c.Exec(t.Context(), alloc, "t", Exec{Command: []string{"/bin/sh", "-c", "cat; echo err >&2; exit 4"},
		Stdin: strings.NewReader("in"), Stdout: &out, Stderr: &errs})
	if code != 4 || err != nil || out.String() != "in" || errs.String() != "err\n" {
		t.Errorf("%q, %q, exit code %d, %v", out.String(), errs.String(), code, err)
	}

	endless := Exec{Command: []string{"/bin/sh", "-c", "yes"}, Stdin: strings.NewReader(""), Stdout: &failing{}, Stderr: &errs}
	if _, err := c.Exec(t.Context(), alloc, "t", endless); !errors.Is(err, errFull) {
		t.Errorf("with a full disk: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless.Stdout = onWrite{&out, cancel}
	if _, err := c.Exec(ctx, alloc, "t", endless); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}

	for _, capabilities := range []string{`"read-job"`, `"read-job", "alloc-exec"`} { // raw_exec asks for alloc-node-exec
		policy := fmt.Sprintf("namespace %q {\n capabilities = [%s]\n}", c.Space, capabilities)
		reader, err := New(Config{Address: c.addr, Token: nomadtest.Token(t, policy), Space: c.Space})
		if err != nil {
			t.Fatal(err)
		}
		var refused *Error
		_, err = reader.Exec(t.Context(), alloc, "t", endless)
		if !errors.As(err, &refused) || refused.Status != http.StatusForbidden || !strings.Contains(refused.Hint(), "alloc-node-exec") {
			t.Errorf("with %s: %v", capabilities, err)
		}
	}
}
