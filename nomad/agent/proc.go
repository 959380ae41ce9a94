package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// processID names a process for good: pids come again, pids with the same
// start time (clock ticks since boot) of the same boot do not.
type processID struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
	Boot  string `json:"boot"`
}

// proc is a process as /proc shows it.
type proc struct {
	processID
	parent int
	tty    bool   // it has a controlling terminal
	exe    string // "" where it may not be read
	cwd    string
	root   string
	marker string // the value of the marker in its first environment
	groups string // /proc/PID/cgroup
}

// identify reads who a process is; an error says that it has ended.
func identify(pid int) (processID, error) {
	p, err := readStat(pid)
	if err != nil {
		return processID{}, err
	}
	return p.processID, nil
}

// readStat reads the part of proc that is in /proc/PID/stat. A process that
// has ended and only waits for its parent counts as ended.
func readStat(pid int) (proc, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	p, err := parseStat(string(text))
	if err != nil {
		return proc{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	p.PID = pid
	p.Boot, err = bootID()
	return p, err
}

// bootID is the id of this boot of the machine.
var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the id of this boot: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
})

var errEnded = errors.New("it has ended")

// parseStat reads a line of proc_pid_stat(5): the name in parentheses may
// hold anything, so fields count from its last closing one.
func parseStat(text string) (proc, error) {
	i := strings.LastIndexByte(text, ')')
	if i < 0 {
		return proc{}, fmt.Errorf("no name in %.80q", text)
	}
	f := strings.Fields(text[i+1:]) // f[0] is field 3, the state
	if len(f) < 20 {
		return proc{}, fmt.Errorf("%d fields after the name, want 20", len(f))
	}
	if f[0] == "Z" || f[0] == "X" {
		return proc{}, errEnded
	}
	parent, err1 := strconv.Atoi(f[1])
	tty, err2 := strconv.Atoi(f[4])
	start, err3 := strconv.ParseUint(f[19], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return proc{}, fmt.Errorf("fields of %.80q: %w", text, err)
	}
	return proc{processID: processID{Start: start}, parent: parent, tty: tty != 0}, nil
}

// processes reads all processes. Those that end meanwhile, and what may not
// be read of others', is left out.
func processes() ([]proc, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var out []proc
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := readStat(pid)
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		p.exe, _ = os.Readlink(filepath.Join(dir, "exe"))
		p.cwd, _ = os.Readlink(filepath.Join(dir, "cwd"))
		p.root, _ = os.Readlink(filepath.Join(dir, "root"))
		groups, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		p.groups = string(groups)
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		p.marker = markerOf(env)
		out = append(out, p)
	}
	return out, nil
}

// markerOf finds the marker in an environment as /proc has it.
func markerOf(env []byte) string {
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(marker+"=")); ok {
			return string(v)
		}
	}
	return ""
}

// signal sends a signal to exactly this process: os.FindProcess holds on to
// it by a pidfd, so once its start time is right, so is what is signalled.
func (id processID) signal(sig syscall.Signal) error {
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = p.Release() }()
	if now, err := identify(id.PID); err != nil || now != id {
		return os.ErrProcessDone
	}
	return p.Signal(sig)
}
