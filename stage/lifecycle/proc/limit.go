package proc

import (
	"fmt"
	"syscall"
)

// maxFiles is Cloud Foundry's limit of open files of apps and stagings.
const maxFiles = 16384

// LimitFiles sets the limit of open files for the processes to come, and
// says what it is: the node may allow less.
func LimitFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	limit.Max = min(limit.Max, maxFiles)
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("setting the limit of open files: %w", err)
	}
	return limit.Cur, nil
}
