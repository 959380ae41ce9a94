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
// a /proc/PID/cgroup. The root is nobody's.
func cgroupProcs(cgroups string) []string {
	var files []string
	for _, g := range parseCgroups(cgroups) {
		if g.path == "/" {
			continue
		}
		for _, root := range g.roots() {
			files = append(files, filepath.Join(root, g.path, "cgroup.procs"))
		}
	}
	return files
}

// cgroup is a line of a /proc/PID/cgroup.
type cgroup struct {
	controllers []string // of version 1; those of one hierarchy have a folder each. None: version 2
	path        string   // below the roots
}

// parseCgroups reads a /proc/PID/cgroup: version 1 (line "9:memory:/path") and
// 2 ("0::/path").
func parseCgroups(text string) []cgroup {
	var all []cgroup
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		g := cgroup{path: parts[2]}
		if parts[1] != "" {
			g.controllers = strings.Split(strings.TrimPrefix(parts[1], "name="), ",")
		}
		all = append(all, g)
	}
	return all
}

// roots are where the hierarchy may be mounted.
func (g cgroup) roots() []string {
	if g.controllers == nil {
		return []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}
	}
	var roots []string
	for _, controller := range g.controllers {
		roots = append(roots, filepath.Join("/sys/fs/cgroup", controller))
	}
	return roots
}
