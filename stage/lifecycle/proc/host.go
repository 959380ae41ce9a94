package proc

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Spec is a process to be started.
type Spec struct {
	Argv   []string // Argv[0] is a path, unless Path is
	Path   string   // of the program, with User
	User   *User    // with what rights the container gives it; nil = that of the host
	Env    []string // the whole environment
	Dir    string
	Stdout *os.File // the process inherits the file itself: nothing is copied
	Stderr *os.File
}

// Process is a started process.
type Process struct {
	PID  int
	done chan struct{}
	// status is set before done is closed.
	status syscall.WaitStatus
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status is how the process ended; it waits for that.
func (p *Process) Status() syscall.WaitStatus {
	<-p.done
	return p.status
}

// Signal sends sig to the process alone, as Cloud Foundry does.
func (p *Process) Signal(sig syscall.Signal) {
	select {
	case <-p.done: // the number may belong to someone else by now
	default:
		_ = syscall.Kill(p.PID, sig) // it may end meanwhile, which is what was asked for
	}
}

// Host starts processes and reaps every child, its own and those that
// became its own because their parent ended.
type Host struct {
	requests chan func()
	children map[int]*Process // owned by the goroutine of loop
	devNull  *os.File
	user     *User // without any right; nil = whoever the lifecycle is
}

// NewHost makes this process the one that inherits orphans of its
// descendants (a child subreaper). There is one Host in a program, and
// nothing else in it may start processes. They run as u without any right; nil
// = as whoever the lifecycle is, root too.
func NewHost(u *User) (*Host, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming the parent of orphaned processes: %w", err)
	}
	devNull, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("opening the standard input of processes: %w", err)
	}
	keepThreads()
	h := &Host{requests: make(chan func()), children: map[int]*Process{}, devNull: devNull, user: u}
	go h.loop()
	return h, nil
}

func (h *Host) loop() {
	runtime.LockOSThread() // for good: children die with this thread
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	for {
		select {
		case request := <-h.requests:
			request()
		case <-ended:
			for h.reap(syscall.WNOHANG) {
			}
		}
	}
}

// reap takes one ended child; false if there is none.
func (h *Host) reap(options int) bool {
	var status syscall.WaitStatus
	for {
		pid, err := syscall.Wait4(-1, &status, options, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return false
		}
		if p := h.children[pid]; p != nil {
			delete(h.children, pid)
			p.status = status
			close(p.done)
		}
		return true
	}
}

// do runs f on the thread of the host and waits for it.
func (h *Host) do(f func()) {
	done := make(chan struct{})
	h.requests <- func() { defer close(done); f() }
	<-done
}

// User is whom the processes of the host run as, nil = whoever the lifecycle
// is.
func (h *Host) User() *User { return h.user }

// Own gives a file to that user.
func (h *Host) Own(f *os.File) error {
	if h.user == nil {
		return nil
	}
	return f.Chown(h.user.UID, h.user.GID)
}

// Start starts a process in a process group of its own. It dies if the
// lifecycle dies.
func (h *Host) Start(s Spec) (*Process, error) {
	argv := s.Argv
	switch {
	case s.User != nil:
		argv = append([]string{Self, "assume", s.User.String(), s.Path}, argv...)
	case h.user != nil:
		argv = append([]string{Self, "drop", h.user.String(), h.user.Sees, h.user.Private}, argv...)
	}
	attr := &syscall.ProcAttr{
		Dir:   s.Dir,
		Env:   s.Env,
		Files: []uintptr{h.devNull.Fd(), s.Stdout.Fd(), s.Stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	var p *Process
	var err error
	h.do(func() {
		var pid int
		if pid, err = syscall.ForkExec(argv[0], argv, attr); err == nil {
			p = &Process{PID: pid, done: make(chan struct{})}
			h.children[pid] = p
		}
	})
	if err != nil {
		return nil, &os.PathError{Op: "fork/exec", Path: s.Argv[0], Err: err}
	}
	return p, nil
}

// KillAll ends every descendant of this process, those in other sessions
// too, and returns when they are gone. Killing the children hands their
// children to this process, so it goes on until there are none.
func (h *Host) KillAll() error {
	var err error
	h.do(func() {
		for {
			var pids []int
			if pids, err = childrenOf(os.Getpid()); err != nil || len(pids) == 0 {
				return
			}
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
			}
			for range pids {
				if !h.reap(0) {
					return
				}
			}
		}
	})
	return err
}
