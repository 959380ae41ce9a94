package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cost is what something took.
type cost struct{ wall, cpu time.Duration }

// process is a program while it runs.
type process struct {
	tb    testing.TB
	cmd   *exec.Cmd
	began time.Time
	lines chan line // of stdout and stderr

	done chan struct{} // closed when it has ended
	err  error         // valid then
	peak int           // KiB that were resident at most; valid then
}

// line is one line of output and when it came.
type line struct {
	text string
	at   time.Time
}

// startProcess starts a program. It is killed when the test ends.
func startProcess(tb testing.TB, env []string, name string, args ...string) *process {
	tb.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	p := &process{tb: tb, cmd: exec.Command(name, args...), lines: make(chan line, 10_000), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.began = time.Now()
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		tb.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(r) })
	go func() {
		ended := make(chan struct{})
		peak := make(chan int)
		go func() { peak <- watchPeak(p.cmd.Process.Pid, ended) }()
		p.err = p.cmd.Wait()
		close(ended)
		p.peak = <-peak
		reading.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
	})
	return p
}

// read hands on the lines until the program has closed its output.
func (p *process) read(r io.ReadCloser) {
	defer r.Close()
	defer close(p.lines)
	in := bufio.NewScanner(r)
	for in.Scan() {
		p.lines <- line{in.Text(), time.Now()}
	}
}

// patience is far more than anything here takes on a slow machine.
const patience = 10 * time.Minute

// until waits for a line that has text in it and returns that line.
func (p *process) until(text string) line {
	p.tb.Helper()
	var seen []string
	late := time.After(patience)
	for {
		select {
		case l, ok := <-p.lines:
			if !ok {
				p.tb.Fatalf("%s ended without saying %q:\n%s", p.cmd, text, strings.Join(seen, "\n"))
			}
			if strings.Contains(l.text, text) {
				return l
			}
			seen = append(seen, l.text)
		case <-late:
			p.tb.Fatalf("%s does not say %q:\n%s", p.cmd, text, strings.Join(seen, "\n"))
		}
	}
}

// end waits for its end, which has to be a good one, and returns the rest of
// its output.
func (p *process) end() string {
	p.tb.Helper()
	var rest strings.Builder
	for l := range p.lines {
		rest.WriteString(l.text + "\n")
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.tb.Fatalf("%s does not end", p.cmd)
	}
	if p.err != nil {
		p.tb.Fatalf("%s: %v\n%s", p.cmd, p.err, rest.String())
	}
	return rest.String()
}

// total is the cost of the whole process, and of those it waited for.
func (p *process) total(ended time.Time) cost {
	return cost{ended.Sub(p.began), p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()}
}

// cpu is the processor time that the process has taken so far.
func (p *process) cpu() time.Duration {
	p.tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil { // it has ended meanwhile
		<-p.done
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	// behind the name, which may have blanks, come state and 10 more fields
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		p.tb.Fatalf("/proc/…/stat: %q", stat)
	}
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			p.tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// watchPeak is the most memory that a process had resident until it ended. (A
// child's rusage will not do: it starts with what its parent had.)
func watchPeak(pid int, ended <-chan struct{}) int {
	peak := 0
	for {
		if n := peakNow(pid); n > peak {
			peak = n
		}
		select {
		case <-ended:
			return peak
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// peakNow is VmHWM, 0 when the process has ended.
func peakNow(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib
}

// shell runs a command and returns its cost.
func shell(tb testing.TB, command string) cost {
	tb.Helper()
	p := startProcess(tb, nil, "sh", "-c", command)
	p.end()
	return p.total(time.Now())
}
