package proc

import (
	"strings"
	"testing"
)

func TestCgroupProcs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"version 1": {"9:memory:/nomad/a.app\n2:cpu,cpuacct:/nomad/a.app\n1:name=systemd:/\n",
			"/sys/fs/cgroup/memory/nomad/a.app/cgroup.procs /sys/fs/cgroup/cpu/nomad/a.app/cgroup.procs /sys/fs/cgroup/cpuacct/nomad/a.app/cgroup.procs"},
		"version 2": {"0::/nomad.slice/a.scope\n", "/sys/fs/cgroup/nomad.slice/a.scope/cgroup.procs /sys/fs/cgroup/unified/nomad.slice/a.scope/cgroup.procs"},
		"the root":  {"0::/\n", ""},
		"nonsense":  {"x\n\n", ""},
	} {
		if got := strings.Join(cgroupProcs(c.in), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
