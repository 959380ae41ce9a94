package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// childrenOf lists the processes whose parent is pid, ended ones that are
// not yet reaped included.
func childrenOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing the processes of the task: %w", err)
	}
	var children []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // ended meanwhile
		}
		if parent, err := parentOf(stat); err == nil && parent == pid {
			children = append(children, child)
		}
	}
	return children, nil
}

// parentOf reads the parent's id out of /proc/<pid>/stat. The second field,
// the name in parentheses, may hold anything.
func parentOf(stat []byte) (int, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, errors.New("no name in /proc/<pid>/stat")
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 2 {
		return 0, errors.New("no parent in /proc/<pid>/stat")
	}
	return strconv.Atoi(string(fields[1]))
}
