package sshd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"

	"wadi/stage/lifecycle/proc"
)

// errNoCommand is a client that never said what to run.
var errNoCommand = errors.New("the client has gone before it asked for a command")

// session is what a client runs, on a terminal or without one.
type session struct {
	channel ssh.Channel
	argv    Argv

	// what belongs to the goroutine of serve
	wanted   bool        // a terminal
	term     string      // its kind
	size     pty.Winsize // of it
	terminal *os.File    // our end of it; nil = none
	cmd      *exec.Cmd   // nil until a command was asked for

	// answered is closed by answer, when the client has been told that its
	// command begins.
	answered chan struct{}
	answer   func()

	started chan struct{} // closed when the command runs: cmd.Process is its
	ended   chan struct{} // closed when it has ended, and its output was sent
	code    int           // set before that
}

func newSession(channel ssh.Channel, argv Argv) *session {
	s := &session{channel: channel, argv: argv, answered: make(chan struct{}), started: make(chan struct{}), ended: make(chan struct{})}
	s.answer = sync.OnceFunc(func() { close(s.answered) })
	return s
}

func (s *session) serve(requests <-chan *ssh.Request) {
	for r := range requests {
		ok := s.handle(r.Type, r.Payload)
		if r.WantReply {
			_ = r.Reply(ok, nil) // a broken connection ends the loop
		}
		if s.cmd != nil {
			s.answer()
		}
	}
}

// handle does what a request of RFC 4254 asks for, if it can be done.
func (s *session) handle(kind string, payload []byte) bool {
	switch kind {
	case "pty-req":
		var want struct {
			Term                         string
			Columns, Rows, Width, Height uint32
			Modes                        string
		}
		if s.cmd != nil || ssh.Unmarshal(payload, &want) != nil {
			return false
		}
		s.wanted, s.term = true, want.Term
		return s.resize(want.Columns, want.Rows)
	case "window-change":
		var want struct{ Columns, Rows, Width, Height uint32 }
		return ssh.Unmarshal(payload, &want) == nil && s.resize(want.Columns, want.Rows)
	case "exec":
		var want struct{ Command string }
		return s.cmd == nil && ssh.Unmarshal(payload, &want) == nil && s.start(want.Command)
	case "shell":
		return s.cmd == nil && s.start("")
	}
	return false
}

func (s *session) resize(columns, rows uint32) bool {
	s.size = pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}
	return s.terminal == nil || pty.Setsize(s.terminal, &s.size) == nil
}

// start runs a command. One that cannot be started has an exit code too.
func (s *session) start(command string) bool {
	argv := s.argv(s.term, command)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	streams := s.pipes
	if s.wanted {
		streams = s.openTerminal
	}
	begun, drained, err := streams()
	if err != nil {
		go s.finish(err)
		return true
	}
	running := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the command dies with the thread that started it
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		running <- err
		if err == nil {
			err = s.cmd.Wait()
			drained()
		}
		s.finish(err)
	}()
	if <-running == nil {
		close(s.started)
		begun()
	}
	return true
}

// pipes makes the command's streams pipes: all of its output is sent, that of
// what it left in the background too. begun is to be called when the command
// runs, drained when it has ended.
func (s *session) pipes() (begun, drained func(), err error) {
	s.cmd.Stdout, s.cmd.Stderr = s.channel, s.channel.Stderr()
	in, err := s.cmd.StdinPipe()
	return func() {
		go func() {
			_, _ = io.Copy(in, s.channel) // a command need not read what it is sent
			_ = in.Close()
		}()
	}, func() {}, err
}

// openTerminal makes the command's streams a terminal, which it controls.
func (s *session) openTerminal() (begun, drained func(), err error) {
	ours, theirs, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("opening a terminal: %w", err)
	}
	if err := pty.Setsize(ours, &s.size); err != nil {
		return nil, nil, fmt.Errorf("opening a terminal: %w", err)
	}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	s.cmd.SysProcAttr.Setctty = true
	over, sent := make(chan struct{}), make(chan struct{})
	begun = func() {
		s.terminal = ours
		_ = theirs.Close() // so that reading ours ends with them
		go func() {
			_, _ = io.Copy(ours, s.channel) // a command need not read what it is sent
		}()
		go func() {
			relay(s.channel, ours, over)
			close(sent)
		}()
	}
	return begun, func() {
		close(over)
		<-sent
	}, nil
}

// finish tells the client how the command ended. Nothing may follow that.
func (s *session) finish(err error) {
	<-s.answered
	if s.cmd.ProcessState != nil {
		s.code = proc.ExitCode(s.cmd.ProcessState.Sys().(syscall.WaitStatus))
	} else {
		s.code = Failed
		fmt.Fprintln(s.channel.Stderr(), "lifecycle sshd:", err)
	}
	status := struct{ Code uint32 }{uint32(s.code)}
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(&status)) // a client that is gone does not ask
	_ = s.channel.Close()
	close(s.ended)
}

// end is what happens when the client is gone: what still runs is told that
// it hung up. What is left of it then is killed.
func (s *session) end() (int, error) {
	if s == nil {
		return Failed, errNoCommand
	}
	select {
	case <-s.started:
	default:
		return Failed, errNoCommand
	}
	select {
	case <-s.ended:
		return s.code, nil
	default:
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGHUP) // it may end meanwhile
	select {
	case <-s.ended:
		return s.code, nil
	case <-time.After(hangUpGrace):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may end meanwhile
		return 128 + int(syscall.SIGKILL), nil
	}
}
