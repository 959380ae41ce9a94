package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"wadi/internal/testwait"
)

// cmdTerminal: terminal FILE PROGRAM [ARGUMENT…]
// runs a program on a terminal of 100 x 30 and talks to it as FILE says:
//
//	expect REGEXP   waits until it is in what came since the last match (a minute)
//	type "TEXT"     types a Go string
//	run COMMAND     runs a command of the shell beside it, which has to succeed
//	resize          makes the terminal 90 x 20
//	exit CODE       waits for the program's end
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal FILE PROGRAM [ARGUMENT…]")
	}
	master, slave, err := openTerminal()
	ts.Check(err)
	defer master.Close()
	ts.Check(setSize(master, 100, 30))
	bin, err := exec.LookPath(args[1])
	if args[1] == "wadi" {
		bin, err = strings.SplitN(ts.Getenv("PATH"), ":", 2)[0]+"/wadi", nil
	}
	ts.Check(err)
	cmd := exec.Command(bin, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TERM", "NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_NAMESPACE", "WADI_PLATFORM_SPACE", "WADI_CACHE_DIR",
		"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	for _, name := range []string{"SOURCES", "https_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO"} { // of cmdSources
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	slave.Close()
	screen := &screenText{}
	go screen.read(master)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the script looks at the code
		close(ended)
	}()
	defer func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	}()
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err := talk(verb, rest, master, screen, cmd, ended); err != nil {
			ts.Fatalf("%s: %v; the terminal shows:\n%s", strings.TrimSpace(line), err, screen.all())
		}
	}
	ts.Logf("%s", screen.all())
}

func talk(verb, rest string, master *os.File, screen *screenText, cmd *exec.Cmd, ended <-chan struct{}) error {
	switch verb {
	case "":
		return nil
	case "type":
		text, err := strconv.Unquote(rest)
		if err == nil {
			_, err = master.WriteString(text)
		}
		return err
	case "run":
		beside := exec.Command("sh", "-c", rest)
		beside.Dir, beside.Env = cmd.Dir, cmd.Env
		if out, err := beside.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	case "resize":
		return setSize(master, 90, 20)
	case "expect":
		pattern, err := regexp.Compile(rest)
		if err != nil {
			return err
		}
		if !testwait.For(func() bool { return screen.found(pattern) }) {
			return fmt.Errorf("it did not come")
		}
		return nil
	case "exit":
		select {
		case <-ended:
		case <-time.After(testwait.Patience):
			return fmt.Errorf("it did not end")
		}
		if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != rest {
			return fmt.Errorf("the exit code is %s", got)
		}
		return nil
	}
	return fmt.Errorf("unknown verb %q", verb)
}

// openTerminal makes a pseudo-terminal.
func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
	}
	return master, slave, err
}

func setSize(terminal *os.File, columns, rows uint16) error {
	return unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
}

// screenText is what a terminal was sent.
type screenText struct {
	mu   sync.Mutex
	text []byte
	seen int // of text, up to the end of the last match
}

func (s *screenText) read(master *os.File) {
	buffer := make([]byte, 4096)
	for {
		n, err := master.Read(buffer)
		s.mu.Lock()
		s.text = append(s.text, buffer[:n]...)
		s.mu.Unlock()
		if err != nil {
			return // the program has ended
		}
	}
}

func (s *screenText) found(pattern *regexp.Regexp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := pattern.FindIndex(s.text[s.seen:])
	if at == nil {
		return false
	}
	s.seen += at[1]
	return true
}

func (s *screenText) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}
