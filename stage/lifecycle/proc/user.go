package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// User is whom processes run as.
type User struct {
	UID, GID int
	Groups   []int // further ones
	// Sees is the folder of a task which is all that the user's processes see
	// of all allocations' folders; "" = they see whatever there is. It is no
	// part of String.
	Sees string
	// Private is the folder, made by MakePrivate, with what they have in the
	// place of the node's own, where there is Sees; "" = they have the node's.
	// It is no part of String.
	Private string
}

// String is the form that parseUser reads.
func (u User) String() string {
	ids := []string{strconv.Itoa(u.UID), strconv.Itoa(u.GID)}
	for _, g := range u.Groups {
		ids = append(ids, strconv.Itoa(g))
	}
	return strings.Join(ids, ":")
}

func parseUser(text string) (User, error) {
	var ids []int
	for part := range strings.SplitSeq(text, ":") {
		id, err := strconv.Atoi(part)
		if err != nil {
			return User{}, fmt.Errorf("%q is no user UID:GID[:GID…]: %w", text, err)
		}
		ids = append(ids, id)
	}
	if len(ids) < 2 {
		return User{}, fmt.Errorf("%q is no user UID:GID[:GID…]", text)
	}
	return User{UID: ids[0], GID: ids[1], Groups: ids[2:]}, nil
}

// Assume executes a program (a path) with argv in place of this process, as
// user (UID:GID[:GID…]). It returns only if it failed; nothing of argv has run
// then. Like Drop it is a step between fork and exec: `lifecycle assume`.
func Assume(user, path string, argv, env []string) error {
	u, err := parseUser(user)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	parent := os.Getppid()
	if err := u.assume(); err != nil {
		return err
	}
	if err := dieWith(parent); err != nil {
		return err
	}
	return execute(path, argv, env)
}

// BecomeUser executes argv in place of this process, as user. Unlike Assume
// it binds it to no parent but the one named, 0 = none. It returns only if it
// failed.
func BecomeUser(u User, parent int, path string, argv, env []string) error {
	runtime.LockOSThread()
	if err := u.assume(); err != nil {
		return err
	}
	return executeFor(parent, path, argv, env)
}

// assume makes this thread the user's. The kernel takes root's capabilities
// from it with the change to another user.
func (u User) assume() error {
	if err := syscall.Setgroups(u.Groups); err != nil {
		return fmt.Errorf("joining the groups of the image's user: %w", err)
	}
	return u.become()
}

func (u User) become() error {
	if err := syscall.Setresgid(u.GID, u.GID, u.GID); err != nil {
		return fmt.Errorf("becoming group %d: %w", u.GID, err)
	}
	if err := syscall.Setresuid(u.UID, u.UID, u.UID); err != nil {
		return fmt.Errorf("becoming user %d: %w", u.UID, err)
	}
	return nil
}

// dieWith binds this process to its parent, after a change of user, which
// has cleared the parent death signal.
func dieWith(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("binding the process to its parent: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("its parent has ended")
	}
	return nil
}

// executeFor is execute, bound to the parent named; 0 = to none.
func executeFor(parent int, path string, argv, env []string) error {
	if parent != 0 {
		if err := dieWith(parent); err != nil {
			return err
		}
	}
	return execute(path, argv, env)
}

func execute(path string, argv, env []string) error {
	err := syscall.Exec(path, argv, env)
	return &os.PathError{Op: "fork/exec", Path: path, Err: err}
}
