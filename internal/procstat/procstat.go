// Package procstat reads what Linux says of processes in /proc/PID/stat.
package procstat

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Stat is what we need of proc_pid_stat(5).
type Stat struct {
	State  byte   // "Z" has ended and waits for its parent, "X" is about to go
	Parent int    // its pid
	TTY    int    // the controlling terminal's device; 0 = none
	Start  uint64 // clock ticks since boot
}

// Ended says whether nothing of the process runs any more.
func (s Stat) Ended() bool { return s.State == 'Z' || s.State == 'X' }

// PIDs lists the processes that there are, ended ones that are not yet reaped
// included.
func PIDs() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Read reads the state of a process; there is an error, too, where it has gone.
func Read(pid int) (Stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	var s Stat
	if err == nil {
		s, err = parse(string(text))
	}
	if err != nil {
		return Stat{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	return s, nil
}

// parse reads a line of proc_pid_stat(5): the name in parentheses may hold
// anything, so fields count from its last closing one.
func parse(text string) (Stat, error) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return Stat{}, fmt.Errorf("no name in %.80q", text)
	}
	f := strings.Fields(text[end+1:]) // f[0] is field 3, the state
	if len(f) < 20 {
		return Stat{}, fmt.Errorf("%d fields after the name in %.80q, want 20", len(f), text)
	}
	parent, err1 := strconv.Atoi(f[1])
	tty, err2 := strconv.Atoi(f[4])
	start, err3 := strconv.ParseUint(f[19], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Stat{}, fmt.Errorf("fields of %.80q: %w", text, err)
	}
	return Stat{State: f[0][0], Parent: parent, TTY: tty, Start: start}, nil
}
