package proc

import (
	"bytes"
	"os"
	"path/filepath"
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

// oomFiles lists where the count may stand, by /proc/self/cgroup: version 1
// (line "9:memory:/path") or 2 ("0::/path"). Inside a container the path may
// be the host's while the mount is the container's own root.
func oomFiles(cgroups string) []string {
	var files []string
	for line := range strings.Lines(cgroups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[0] == "0" && parts[1] == "" {
			for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
				files = append(files, filepath.Join(root, parts[2], "memory.events"), filepath.Join(root, "memory.events"))
			}
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			if controller == "memory" {
				root := "/sys/fs/cgroup/memory"
				files = append(files, filepath.Join(root, parts[2], "memory.oom_control"), filepath.Join(root, "memory.oom_control"))
			}
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
