package reconcile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/crypto/ssh"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage/lifecycle/sshd"
)

// node executes commands as Nomad does in an instance, with the faults that
// Nomad has. `lifecycle sshd` is the real one, in this process, and its shell
// is this machine's.
type node struct {
	dir string // HOME of the shells

	mu       sync.Mutex
	faults   []fault // of the first executions, in their order
	commands [][]string
}

// fault is how an execution ends; without one it goes well.
type fault func(n *node, ctx context.Context, e nomad.Exec) (int, error)

func newNode(t *testing.T, faults ...fault) *node {
	return &node{dir: t.TempDir(), faults: faults}
}

func (n *node) execute(ctx context.Context, e nomad.Exec) (int, error) {
	n.mu.Lock()
	n.commands = append(n.commands, e.Command)
	next := fault((*node).sshd)
	if len(n.faults) > 0 {
		next, n.faults = n.faults[0], n.faults[1:]
	}
	n.mu.Unlock()
	return next(n, ctx, e)
}

func (n *node) sshd(_ context.Context, e nomad.Exec) (int, error) {
	in, _, err := buffered(e.Stdin)
	if err != nil {
		return 0, err
	}
	return n.serve(in, nopCloser{e.Stdout})
}

// buffered is a command's input as Nomad hands it over: in a pipe that holds
// something. cut ends it early.
func buffered(from io.Reader) (in io.Reader, cut func() error, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	go func() {
		_, _ = io.Copy(w, from) // it may be cut
		_ = w.Close()
	}()
	return r, w.Close, nil
}

func (n *node) serve(in io.Reader, out io.WriteCloser) (int, error) {
	return sshd.Serve(sshd.Conn{Reader: in, WriteCloser: out}, func(term, command string) []string {
		return []string{"/usr/bin/env", "HOME=" + n.dir, "TERM=" + term, "/bin/sh", "-c", command}
	})
}

// neverBegun is Nomad's docker driver when it asks too early: it says that the
// command has ended well, and lets go of its streams; then the command begins.
func neverBegun(n *node, _ context.Context, _ nomad.Exec) (int, error) {
	code, err := n.serve(strings.NewReader(""), nopCloser{io.Discard})
	if code != sshd.Failed || err == nil {
		return 0, errors.New("it ran something for nobody")
	}
	return 0, nil
}

// cutAfter lets the shell run until there is a file, and then nothing more is
// heard of it but an exit code that means nothing.
func cutAfter(file string) fault {
	return func(n *node, ctx context.Context, e nomad.Exec) (int, error) {
		in, cut, err := buffered(e.Stdin)
		if err != nil {
			return 0, err
		}
		go func() {
			for _, err := os.Stat(filepath.Join(n.dir, file)); err != nil && ctx.Err() == nil; _, err = os.Stat(filepath.Join(n.dir, file)) {
				time.Sleep(5 * time.Millisecond)
			}
			_ = cut()
		}()
		_, _ = n.serve(in, nopCloser{e.Stdout})
		return 0, nil
	}
}

// deaf is Nomad when it lets go of the command's streams where it is asked to
// run a shell.
func (n *node) deaf(_ context.Context, e nomad.Exec) (int, error) {
	in, _, err := buffered(e.Stdin)
	if err != nil {
		return 0, err
	}
	server := sshd.Conn{Reader: in, WriteCloser: nopCloser{e.Stdout}}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return 0, err
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	_, channels, _, err := ssh.NewServerConn(server, config)
	if err != nil {
		return 0, err
	}
	_, requests, err := (<-channels).Accept()
	if err == nil {
		<-requests
	}
	return 0, err
}

func ends(code int, err error, said string) fault {
	return func(_ *node, _ context.Context, e nomad.Exec) (int, error) {
		_, _ = io.WriteString(e.Stderr, said)
		return code, err
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// deadline is for what waits for something else than the end of a test.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (n *node) shell(t *testing.T, o ShellOptions) (stdout, stderr string, code int, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	if o.Stdin == nil {
		o.Stdin = strings.NewReader("")
	}
	o.Stdout, o.Stderr = &out, &errs
	code, err = shell(deadline(t), n.execute, o)
	return out.String(), errs.String(), code, err
}

// await waits until a file that a shell writes has a content.
func (n *node) await(t *testing.T, file, want string) {
	t.Helper()
	for end := deadline(t); ; {
		text, err := os.ReadFile(filepath.Join(n.dir, file))
		if string(text) == want {
			return
		}
		if sleep.For(end, 10*time.Millisecond) != nil {
			t.Fatalf("%s has %q (%v), not %q", file, text, err, want)
		}
	}
}

func TestShell(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	out, errs, code, err := n.shell(t, ShellOptions{Command: "cat; echo err >&2; exit 7", Stdin: strings.NewReader("in")})
	if out != "in" || errs != "err\n" || code != 7 || err != nil {
		t.Errorf("stdout %q, stderr %q, exit code %d, %v", out, errs, code, err)
	}
	for range 20 { // it ends before anybody looks
		if _, _, code, err = n.shell(t, ShellOptions{Command: "kill -TERM $$"}); code != 143 || err != nil {
			t.Errorf("killed: exit code %d, %v", code, err)
		}
	}
}

// TestShellPassesBytes: what goes through a shell comes out as it was,
// whoever is faster, and a shell that reads no input still ends well.
func TestShellPassesBytes(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	in := make([]byte, 8<<20)
	rand.Read(in)
	out, _, code, err := n.shell(t, ShellOptions{Command: "cat", Stdin: bytes.NewReader(in)})
	if out != string(in) || code != 0 || err != nil {
		t.Errorf("%d bytes of %d, exit code %d, %v", len(out), len(in), code, err)
	}
	if _, _, code, err = n.shell(t, ShellOptions{Command: "exit 3", Stdin: bytes.NewReader(in)}); code != 3 || err != nil {
		t.Errorf("without reading: exit code %d, %v", code, err)
	}
}

// TestShellThatHasNotBegun is tried again, and runs once.
func TestShellThatHasNotBegun(t *testing.T) {
	t.Parallel()
	n := newNode(t, neverBegun, ends(0, nil, ""), ends(0, errors.New("websocket closed before receiving exit code"), ""), neverBegun)
	out, _, code, err := n.shell(t, ShellOptions{Command: "echo x >> $HOME/ran; cat $HOME/ran; exit 5"})
	if out != "x\n" || code != 5 || err != nil || len(n.commands) != 5 {
		t.Errorf("stdout %q, exit code %d, %v; executed %q", out, code, err, n.commands)
	}
}

// TestShellThatNeverBegins is an error and no good end.
func TestShellThatNeverBegins(t *testing.T) {
	t.Parallel()
	n := newNode(t, slices.Repeat([]fault{ends(0, nil, "")}, shellTries)...)
	_, _, code, err := n.shell(t, ShellOptions{Command: "true", Process: "web"})
	var none *NoShellError
	if !errors.As(err, &none) || none.Tries != shellTries || code != 0 {
		t.Fatalf("exit code %d, %v", code, err)
	}
	none.App = "shop"
	if want := `no shell began beside instance 0 of process web of app "shop": Nomad took it for ended before it began`; none.Error() != want {
		t.Errorf("it says %q", none)
	}
	if want := "nothing has run in 10 tries: try again once its node has less to do and Nomad can be reached; `wadi events shop` says whether the instance ended"; none.Hint() != want {
		t.Errorf("it hints %q", none.Hint())
	}
}

// trapHangup is the beginning of a shell command that tells a file when it hears
// that its client is gone, and then has something to wait for. It prints nothing
// then: nobody reads that any more, and the shell would end by SIGPIPE. From here
// on it must start no program: dash loses a signal that comes while it does.
func trapHangup(file string) string {
	return "trap 'kill $! 2>/dev/null; echo hung up >> $HOME/" + file + "; exit' HUP; sleep 1000 & "
}

// TestShellThatIsLost may have run: it is not run again, and what Nomad says
// of its end does not count.
func TestShellThatIsLost(t *testing.T) {
	t.Parallel()
	n := newNode(t, cutAfter("ran"))
	_, _, code, err := n.shell(t, ShellOptions{
		Command: trapHangup("ran") + "read line; echo $line >> $HOME/ran; wait",
		Stdin:   strings.NewReader("x\n"), // is sent when it has begun
	})
	var lost *LostShellError
	if !errors.As(err, &lost) || !lost.Begun || len(n.commands) != 1 {
		t.Fatalf("exit code %d, %v; executed %q", code, err, n.commands)
	}
	n.await(t, "ran", "x\nhung up\n")
}

// TestShellThatNobodyWantsAnyMore hears so.
func TestShellThatNobodyWantsAnyMore(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	tests := map[string]func(n *node, stop context.CancelCauseFunc) (io.Reader, io.Writer){
		"interrupted": func(_ *node, stop context.CancelCauseFunc) (io.Reader, io.Writer) {
			return endless{}, writer(func() error { stop(stopped); return nil })
		},
		"its output is not": func(*node, context.CancelCauseFunc) (io.Reader, io.Writer) {
			return endless{}, writer(func() error { return stopped })
		},
		"its input fails": func(n *node, _ context.CancelCauseFunc) (io.Reader, io.Writer) {
			return io.MultiReader(after{filepath.Join(n.dir, "begun")}, failing{stopped}), io.Discard
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			ctx, stop := context.WithCancelCause(deadline(t))
			o := ShellOptions{Command: trapHangup("end") + ": > $HOME/begun; echo begun; wait", Stderr: io.Discard}
			o.Stdin, o.Stdout = test(n, stop)
			if code, err := shell(ctx, n.execute, o); !errors.Is(err, stopped) {
				t.Errorf("exit code %d, %v", code, err)
			}
			n.await(t, "end", "hung up\n")
		})
	}
}

// TestShellOnTerminal: its kind and its sizes are passed on.
func TestShellOnTerminal(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	entered := 0
	sizes := make(chan nomad.TerminalSize, 2)
	sizes <- nomad.TerminalSize{Width: 90, Height: 20}
	sizes <- nomad.TerminalSize{Width: 91, Height: 21}
	out, _, code, err := n.shell(t, ShellOptions{
		Terminal: &Terminal{Kind: "xterm", Sizes: sizes, Enter: func() error { entered++; return nil }},
		Command:  `echo $TERM; until test "$(stty size)" = "21 91"; do sleep 0.02; done; exit 4`,
	})
	if out != "xterm\r\n" || code != 4 || err != nil || entered != 1 {
		t.Errorf("it shows %q, exit code %d, %v, entered %d times", out, code, err, entered)
	}
}

// TestShellOfOlderLifecycle: it knows no SSH, so Nomad's word has to do.
func TestShellOfOlderLifecycle(t *testing.T) {
	t.Parallel()
	n := newNode(t, ends(0, nil, ""), ends(2, nil, "lifecycle: unknown command \"sshd\"\nusage: lifecycle stage\n"), ends(9, nil, "old\n"))
	entered := 0
	sizes := make(chan nomad.TerminalSize)
	_, errs, code, err := n.shell(t, ShellOptions{Command: "exit 9", Terminal: &Terminal{Kind: "xterm", Sizes: sizes, Enter: func() error { entered++; return nil }}})
	if errs != "old\n" || code != 9 || err != nil || entered != 1 {
		t.Errorf("stderr %q, exit code %d, %v, entered %d times", errs, code, err, entered)
	}
	if last := n.commands[2]; !slices.Equal(last, []string{"local/lifecycle", "shell", "xterm", "exit 9"}) {
		t.Errorf("executed %q", last)
	}
}

// TestShellThatIsLostAtOnce: nobody knows whether it has begun.
func TestShellThatIsLostAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t, (*node).deaf)
	_, _, code, err := n.shell(t, ShellOptions{Command: "true", Process: "web", Instance: 1})
	var lost *LostShellError
	if !errors.As(err, &lost) || lost.Begun || len(n.commands) != 1 {
		t.Fatalf("exit code %d, %v; executed %q", code, err, n.commands)
	}
	lost.App = "shop"
	if want := `the shell beside instance 1 of process web of app "shop" was lost before it told how it ended: Nomad says that it ended with exit code 0`; lost.Error() != want {
		t.Errorf("it says %q", lost)
	}
	if want := "it may have run, so see what it has done before it runs again; `wadi events shop` says what happened to the instance"; lost.Hint() != want {
		t.Errorf("it hints %q", lost.Hint())
	}
}

func TestEndOfInstance(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	state := func(state string, restarts uint64, started time.Time) map[string]*api.TaskState {
		return map[string]*api.TaskState{nomad.TaskName: {State: state, Restarts: restarts, StartedAt: started}}
	}
	before := &api.AllocationListStub{TaskStates: state("running", 1, start)}
	tests := map[string]struct {
		desired string
		states  map[string]*api.TaskState
		want    string
	}{
		"runs":      {"run", state("running", 1, start), ""},
		"stopped":   {"stop", state("running", 1, start), "the instance was stopped"},
		"dead":      {"run", state("dead", 1, start), "the instance has ended"},
		"restarts":  {"run", state("pending", 2, start), "the instance has ended, and started again"},
		"restarted": {"run", state("running", 1, start.Add(time.Second)), "the instance has ended, and started again"},
		"unknown":   {"run", nil, ""},
	}
	for name, test := range tests {
		if got := endOfInstance(before, &api.Allocation{DesiredStatus: test.desired, TaskStates: test.states}); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	forbidden := &nomad.Error{Op: "run a command", Status: http.StatusForbidden, Err: errors.New("permission denied")}
	tests := map[string]struct {
		code    int
		err     error
		said    string
		verdict verdict
		why     string
	}{
		"not begun":        {0, nil, "", tryAgain, "Nomad took it for ended before it began"},
		"connection":       {0, io.ErrUnexpectedEOF, "", tryAgain, "unexpected EOF"},
		"killed":           {137, nil, "", tryAgain, "it ended with exit code 137 and said nothing"},
		"cannot":           {126, nil, "lifecycle sshd: no\n", tryAgain, "lifecycle sshd: no"},
		"no right":         {0, forbidden, "", refused, forbidden.Error()},
		"older":            {2, nil, "", noSSH, ""},
		"older, code lost": {0, io.ErrClosedPipe, "lifecycle: unknown command \"sshd\"\n", noSSH, ""},
		"says nothing":     {0, errNoAnswer, "", silent, "the instance has not answered for 1m0s"},
	}
	for name, test := range tests {
		if verdict, why := judge(test.code, test.err, test.said); verdict != test.verdict || why != test.why {
			t.Errorf("%s: %d, %q", name, verdict, why)
		}
	}
}

// endless never has anything to read.
type endless struct{}

func (endless) Read([]byte) (int, error) { select {} }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// after ends when there is a file.
type after struct{ file string }

func (a after) Read([]byte) (int, error) {
	for {
		if _, err := os.Stat(a.file); err == nil {
			return 0, io.EOF
		}
		time.Sleep(5 * time.Millisecond)
	}
}

type writer func() error

func (w writer) Write(p []byte) (int, error) { return len(p), w() }
