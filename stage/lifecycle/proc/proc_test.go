package proc

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOOMFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cgroups string
		want    []string
	}{
		"v1":           {"9:name=systemd:/\n4:memory:/nomad/x\n3:cpuset:/\n", []string{"/sys/fs/cgroup/memory/nomad/x/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control"}},
		"v1, together": {"4:cpu,memory:/a:b\n", []string{"/sys/fs/cgroup/memory/a:b/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control"}},
		"v2": {"0::/nomad.slice/x.scope\n", []string{
			"/sys/fs/cgroup/nomad.slice/x.scope/memory.events", "/sys/fs/cgroup/memory.events",
			"/sys/fs/cgroup/unified/nomad.slice/x.scope/memory.events", "/sys/fs/cgroup/unified/memory.events",
		}},
		"nothing": {"\nbroken\n", nil},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, oomFiles(test.cgroups)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOOMCounter(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "memory.events")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("low 0\noom 3\noom_kill 2\n")
	c := &OOMCounter{file: file, start: 2}
	if c.Killed() {
		t.Error("killed before the count grew")
	}
	write("oom_kill_disable 0\nunder_oom 0\noom_kill 3")
	if !c.Killed() {
		t.Error("not killed although the count grew")
	}
	if (&OOMCounter{}).Killed() {
		t.Error("killed without a cgroup")
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for status, want := range map[syscall.WaitStatus]int{0: 0, 3 << 8: 3, 15: 143, 9 | 0x80: 137} {
		if got := ExitCode(status); got != want {
			t.Errorf("%#x: %d, want %d", status, got, want)
		}
	}
}

type folder struct {
	mode     fs.FileMode
	uid, gid uint32
}

func (f folder) Name() string       { return "" }
func (f folder) Size() int64        { return 0 }
func (f folder) Mode() fs.FileMode  { return f.mode | fs.ModeDir }
func (f folder) ModTime() time.Time { return time.Time{} }
func (f folder) IsDir() bool        { return true }
func (f folder) Sys() any           { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

func TestEnters(t *testing.T) {
	t.Parallel()
	u := &User{UID: 2000, GID: 2001}
	for f, want := range map[folder]bool{
		{0o755, 0, 0}: true, {0o711, 0, 0}: true, {0o700, 0, 0}: false, {0o750, 0, 0}: false,
		{0o700, 2000, 0}: true, {0o677, 2000, 0}: false, {0o710, 0, 2001}: true, {0o701, 0, 2001}: false,
	} {
		if got := u.enters(f); got != want {
			t.Errorf("%+v: %v", f, got)
		}
	}
}
