package agent

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unmountBelow unmounts what is mounted in dir (secrets folders, the chroots
// of exec), the innermost first.
func unmountBelow(dir string) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list the mounts: %w", err)
	}
	defer func() { _ = f.Close() }()
	var points []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if p := mountPoint(sc.Text()); within(p, dir) {
			points = append(points, p)
		}
	}
	slices.Reverse(points) // in the order they were mounted
	var errs []error
	for _, p := range points {
		if err := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// mountPoint is the fifth field of a line of mountinfo, in which blanks and
// backslashes are written in octal.
func mountPoint(line string) string {
	f := strings.Fields(line)
	if len(f) < 5 {
		return ""
	}
	var b strings.Builder
	for s := f[4]; s != ""; {
		if s[0] == '\\' && len(s) >= 4 {
			if c, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}

// removeGroups removes the control groups of the allocations: Nomad's places
// for them on cgroup v1 and v2.
func removeGroups(allocs []string) error {
	var errs []error
	for _, id := range allocs {
		for _, place := range []string{"*/nomad", "*/nomad/*", "nomad.slice/*"} {
			dirs, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", place, id+".*"))
			if err != nil {
				return fmt.Errorf("look for control groups: %w", err)
			}
			for _, d := range dirs {
				if err := unix.Rmdir(d); err != nil && !errors.Is(err, unix.ENOENT) {
					errs = append(errs, fmt.Errorf("remove the control group %s: %w", d, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}
