package agent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestSignalOnlyTheSameProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	earlier := id
	earlier.Start--
	if err := earlier.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the pid of an earlier process: %v", err)
	}
	if now, err := identify(id.PID); err != nil || now != id {
		t.Errorf("it was signalled: %+v, %v", now, err)
	}
	if err := id.signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if err := id.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v", err)
	}
}

func TestOwnProcesses(t *testing.T) {
	t.Parallel()
	const alloc = "6641e6c9-26ce-a1b4-67d2-fff2be3c2936"
	r := Record{ID: "abc", Dir: "/tmp/wadi-1", Process: processID{PID: 10, Start: 5, Boot: "b"}}
	at := func(pid, parent int) proc {
		return proc{processID: processID{PID: pid, Start: 5, Boot: "b"}, parent: parent}
	}
	with := func(p proc, f func(*proc)) proc { f(&p); return p }
	list := []proc{
		at(10, 1),              // the agent
		at(11, 12), at(12, 10), // its grandchild and its child
		with(at(20, 1), func(p *proc) { p.marker = "abc" }),
		with(at(21, 1), func(p *proc) { p.marker = "abcd" }), // another agent's
		with(at(30, 1), func(p *proc) { p.cwd = "/tmp/wadi-1/alloc/x" }),
		with(at(31, 1), func(p *proc) { p.cwd = "/tmp/wadi-12/alloc" }),             // a longer name
		with(at(32, 1), func(p *proc) { p.cwd, p.tty = "/tmp/wadi-1/alloc", true }), // a person
		with(at(40, 1), func(p *proc) { p.root = "/tmp/wadi-1/alloc/x/task" }),
		with(at(50, 1), func(p *proc) { p.groups = "3:memory:/nomad/" + alloc + ".web\n" }),
		with(at(51, 1), func(p *proc) { p.groups = "0::/nomad.slice/share.slice/" + alloc + ".web.scope\n" }),
		with(at(52, 1), func(p *proc) { p.groups = "0::/nomad.slice/share.slice/0" + alloc[1:] + ".web.scope\n" }),
		with(at(os.Getpid(), 10), func(p *proc) {}), // never this one
	}
	var got []int
	for _, p := range r.own(list, []string{alloc}) {
		got = append(got, p.PID)
	}
	if want := []int{10, 11, 12, 20, 30, 40, 50, 51}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("own = %v, want %v", got, want)
	}

	r.Process.Start = 4 // the pid has come again
	for _, p := range r.own(list, nil) {
		if p.PID == 10 {
			t.Error("a process with the agent's pid and another start time is taken for it")
		}
	}
}

func TestMountPoint(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`36 35 98:0 /mnt1 /tmp/a\040b\134c rw,noatime master:1 - ext3 /dev/root rw`: `/tmp/a b\c`,
		`36 35 98:0 / / rw - ext3 /dev/root rw`:                                     "/",
		`36 35 98:0 / /odd\9 rw`:                                                    `/odd\9`,
		"36 35":                                                                     "",
	} {
		if got := mountPoint(line); got != want {
			t.Errorf("mountPoint(%q) = %q, want %q", line, got, want)
		}
	}
}

func FuzzMountPoint(f *testing.F) {
	f.Add(`36 35 98:0 /mnt1 /tmp/a\040b\134c rw`)
	f.Add(`36 35 98:0 / \04`)
	f.Fuzz(func(t *testing.T, line string) {
		if got := mountPoint(line); len(got) > len(line) {
			t.Errorf("%q is longer than %q", got, line)
		}
	})
}

func TestLinesKeepTheLast(t *testing.T) {
	t.Parallel()
	var seen []string
	w := &lineWriter{seen: func(s string) bool { seen = append(seen, s); return strings.HasPrefix(s, "take") }}
	for _, part := range []string{"ta", "ke 1\nkeep\r\n\ntake", " 2\nend"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	w.flush()
	if want := []string{"take 1", "keep", "", "take 2", "end"}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
	if got := w.rest(); got != "keep\n\nend" {
		t.Errorf("kept %q", got)
	}
	for i := range 100 {
		_, _ = fmt.Fprintf(w, "%d\n", i)
	}
	if got := w.rest(); strings.Count(got, "\n") != keptLines-1 || !strings.HasSuffix(got, "\n99") {
		t.Errorf("kept %q", got)
	}
}
