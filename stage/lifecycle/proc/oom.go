package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OOMCounter counts the processes of this task's cgroup that the kernel
// killed for want of memory.
type OOMCounter struct {
	file  string // "" where no cgroup can be read
	start int
}

// NewOOMCounter starts counting. Without a memory cgroup it counts nothing.
func NewOOMCounter() *OOMCounter {
	cgroups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return &OOMCounter{}
	}
	for _, file := range oomFiles(string(cgroups)) {
		if n, err := readOOMKills(file); err == nil {
			return &OOMCounter{file: file, start: n}
		}
	}
	return &OOMCounter{}
}

// Killed says whether a process was killed since the counter was made.
func (c *OOMCounter) Killed() bool {
	if c.file == "" {
		return false
	}
	n, err := readOOMKills(c.file)
	return err == nil && n > c.start
}

// oomFiles lists where the count may stand, by /proc/self/cgroup. Inside a
// container the path may be the host's while the mount is the container's own
// root.
func oomFiles(cgroups string) []string {
	var files []string
	for _, g := range parseCgroups(cgroups) {
		name := "memory.events"
		if g.controllers != nil {
			if !slices.Contains(g.controllers, "memory") {
				continue
			}
			g.controllers, name = []string{"memory"}, "memory.oom_control"
		}
		for _, root := range g.roots() {
			files = append(files, filepath.Join(root, g.path, name), filepath.Join(root, name))
		}
	}
	return files
}

func readOOMKills(file string) (int, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return oomKills(content)
}

// oomKills reads the line "oom_kill N", which both versions have.
func oomKills(content []byte) (int, error) {
	for line := range bytes.Lines(content) {
		if rest, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			return strconv.Atoi(strings.TrimSpace(string(rest)))
		}
	}
	return 0, os.ErrNotExist
}
