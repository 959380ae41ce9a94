package watch

import (
	"errors"
	"fmt"
	"syscall"
)

// LimitError is a limit of the kernel's (inotify(7)), above which there are no
// more events.
type LimitError struct {
	Setting string // of sysctl(8)
	Err     error
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the limit %s is reached (%v): list big folders in .cfignore, or raise it with sysctl", e.Setting, e.Err)
}

func (e *LimitError) Unwrap() error { return e.Err }

// asLimit says which limit an error is about, if it is one.
func asLimit(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return &LimitError{"fs.inotify.max_user_watches", err}
	case errors.Is(err, syscall.EMFILE):
		return &LimitError{"fs.inotify.max_user_instances", err}
	}
	return err
}
