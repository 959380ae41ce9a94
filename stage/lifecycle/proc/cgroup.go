package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// JoinCgroups moves this process, which is root's, into the control groups of
// another one: what Nomad executes beside a task has the limits of none, and
// outlives it.
func JoinCgroups(pid int) error {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return fmt.Errorf("finding the limits of the instance: %w", err)
	}
	files := cgroupProcs(string(text))
	joined := len(files) == 0 // it has no limits either
	for _, file := range files {
		if os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0) == nil {
			joined = true
		}
	}
	if !joined {
		return fmt.Errorf("process %d has no control group that can be joined", pid)
	}
	return nil
}

// cgroupProcs lists the files that take processes into the control groups of
// a /proc/PID/cgroup: version 1 (line "9:memory:/path") and 2 ("0::/path").
func cgroupProcs(cgroups string) []string {
	var files []string
	for line := range strings.Lines(cgroups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[2] == "/" {
			continue
		}
		if parts[1] == "" {
			for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
				files = append(files, filepath.Join(root, parts[2], "cgroup.procs"))
			}
			continue
		}
		// controllers that share a hierarchy have a name each
		for controller := range strings.SplitSeq(strings.TrimPrefix(parts[1], "name="), ",") {
			files = append(files, filepath.Join("/sys/fs/cgroup", controller, parts[2], "cgroup.procs"))
		}
	}
	return files
}
