package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"wadi/internal/procstat"
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
	stat, err := procstat.Read(pid)
	if err != nil {
		return proc{}, err
	}
	if stat.Ended() {
		return proc{}, fmt.Errorf("process %d has ended", pid)
	}
	boot, err := bootID()
	return proc{processID: processID{PID: pid, Start: stat.Start, Boot: boot}, parent: stat.Parent, tty: stat.TTY != 0}, err
}

// bootID is the id of this boot of the machine.
var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the id of this boot: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
})

// processes reads all processes. Those that end meanwhile, and what may not
// be read of others', is left out.
func processes() ([]proc, error) {
	pids, err := procstat.PIDs()
	if err != nil {
		return nil, err
	}
	var out []proc
	for _, pid := range pids {
		p, err := readStat(pid)
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", strconv.Itoa(pid))
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
