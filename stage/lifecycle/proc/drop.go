package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Drop gives up every right of root and executes argv in place of this
// process, as user (UID:GID) with User.Sees and User.Private. It returns only if
// it failed; nothing of argv has run then. The bounding set is a thread's own,
// so this has to be a step between fork and exec in a program of its own:
// `lifecycle drop`.
func Drop(user, sees, private string, argv, env []string) error {
	u, err := parseUser(user)
	if err != nil {
		return err
	}
	u.Sees, u.Private = sees, private
	runtime.LockOSThread()
	parent := os.Getppid()
	if err := u.dropRights(); err != nil {
		return err
	}
	if err := dieWith(parent); err != nil {
		return err
	}
	return execute(argv[0], argv, env)
}

// Become executes argv in place of this process, as u (nil = whoever this
// process is). Unlike Drop it binds it to no parent but the one named, 0 =
// none: its own may not be ours. It returns only if it failed.
func Become(u *User, parent int, argv, env []string) error {
	runtime.LockOSThread()
	if u != nil {
		if err := u.dropRights(); err != nil {
			return err
		}
	}
	return executeFor(parent, argv[0], argv, env)
}

// dropRights makes this thread the user's, without any right. It has to be
// locked.
func (u User) dropRights() error {
	if u.Sees != "" {
		if err := hideAllocations(u.Sees, u.Private); err != nil {
			return err
		}
	}
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // past the last one that the kernel knows
		}
		if err != nil {
			return fmt.Errorf("dropping capability %d from the bounding set: %w: run the task as another user than root, or with CAP_SETPCAP", capability, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clearing the ambient capabilities: %w", err)
	}
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("leaving all groups: %w", err)
	}
	if err := u.become(); err != nil {
		return err
	}
	var none [2]unix.CapUserData // version 3 has two words
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("dropping all capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up new rights: %w", err)
	}
	return nil
}
