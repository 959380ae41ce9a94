package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// grace is between SIGTERM and SIGKILL, as in Cloud Foundry.
const grace = 10 * time.Second

// Run is `lifecycle run`: it returns the exit code of the task when the
// instance has ended. The app writes to stdout and stderr itself; the
// supervisor's own lines go to stderr.
func Run(stdout, stderr *os.File) int { return supervised(stdout, stderr, (*supervisor).run) }

// supervised makes a supervisor, which SIGTERM and SIGINT end, and runs it.
func supervised(stdout, stderr *os.File, run func(*supervisor, context.Context) (int, error)) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := proc.NewLastWords(stderr, "stderr", os.Getenv)
	defer log.Await()
	s := &supervisor{stdout: stdout, stderr: stderr, log: log, guid: uuid.NewString()}
	code, err := run(s, ctx)
	if err != nil {
		fmt.Fprintln(log, err)
	}
	return code
}

// supervisor runs one instance.
type supervisor struct {
	stdout, stderr *os.File
	log            io.Writer
	guid           string

	task     task
	host     *proc.Host
	board    *board
	oom      *proc.OOMCounter
	children []*child // the process itself first
	prefixed prefixed // the sidecars' output
	work     workload
}

// child is the process itself or a sidecar.
type child struct {
	*proc.Process
	sidecar string // its name; "" for the process itself
}

func (s *supervisor) run(ctx context.Context) (int, error) {
	var err error
	if s.task, err = loadTask(os.Getenv); err != nil {
		return 1, err
	}
	if err := s.prepare(); err != nil {
		return 1, err
	}
	s.board = newBoard(s.task.allocID, s.guid)
	closeServer, err := s.serve()
	if err != nil {
		return 1, err
	}
	defer closeServer()
	if err := s.start(ctx); err != nil {
		return s.notStarted(ctx, err)
	}
	code, err := s.supervise(ctx)
	err = errors.Join(err, s.host.KillAll())
	s.prefixed.wait()
	return code, err
}

// prepare makes everything ready for processes to start.
func (s *supervisor) prepare() error {
	syscall.Umask(0o022) // whatever the node's is
	if err := proc.Protect(s.task.dir, string(s.task.secrets), os.Getenv("NOMAD_ALLOC_DIR"), s.task.user); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.task.dir, supervisorFile), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return fmt.Errorf("writing down who supervises the instance: %w", err)
	}
	for _, f := range []*os.File{s.stdout, s.stderr} {
		if err := proc.Give(f, s.task.user); err != nil {
			return err
		}
	}
	s.oom = proc.NewOOMCounter()
	var err error
	s.host, err = proc.NewHost(s.task.user)
	return err
}

// serve answers on the health port from the first moment.
func (s *supervisor) serve() (func(), error) {
	address := net.JoinHostPort(s.task.localIP, strconv.Itoa(s.task.health.Port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on the instance's health port: %w: something else on this node has taken it", err)
	}
	server := &http.Server{Handler: s.board.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	return func() { _ = server.Close() }, nil
}

// start makes the copy of the droplet and starts all processes in it: the
// sidecars after the process itself, which in a one-off task is alone.
func (s *supervisor) start(ctx context.Context) (err error) {
	process := s.task.process
	if s.work, err = s.task.unpack(ctx, s.guid, s.log); err != nil {
		return err
	}
	command, err := s.work.startCommand(process)
	if err != nil {
		return err
	}
	l := limits{Mem: process.MemoryMB, Disk: process.DiskMB}
	if l.FDs, err = proc.LimitFiles(); err != nil {
		return err
	}
	if s.task.oneOff {
		return s.launch("launch-task", "", command, l.Mem, l)
	}
	sidecars := sidecarsFor(process.Type, process.Sidecars, s.work.sidecars())
	l.Mem = mainMemory(process.MemoryMB, sidecars)
	if err := s.launch("launch", "", command, l.Mem, l); err != nil {
		return err
	}
	for _, sidecar := range sidecars {
		if err := s.launch("launch", sidecar.Name, sidecar.Command, sidecarMemory(process.MemoryMB, sidecar), l); err != nil {
			return err
		}
	}
	return nil
}

// notStarted ends what has started of an instance that did not start as a
// whole. Where it was asked to stop that is no error.
func (s *supervisor) notStarted(ctx context.Context, err error) (int, error) {
	err = errors.Join(err, s.host.KillAll())
	if ctx.Err() != nil {
		return 128 + int(syscall.SIGTERM), nil
	}
	return 1, err
}

// launch starts a process, or the sidecar of that name, through a launcher,
// which is a command of the lifecycle. memoryMB is its share, l what all of it
// has.
func (s *supervisor) launch(launcher, sidecar, command string, memoryMB int, l limits) error {
	env, err := s.task.environment(s.guid, s.work.bindings(), memoryMB, l)
	if err != nil {
		return err
	}
	spec, err := s.work.spec(launcher, command, env)
	if err != nil && sidecar != "" {
		return fmt.Errorf("starting the sidecar %s: %w", sidecar, err)
	}
	if err != nil {
		return err
	}
	stdout, stderr := s.stdout, s.stderr
	if sidecar != "" {
		prefix := lifecycle.SidecarPrefix(sidecar)
		if stdout, err = s.prefixed.pipe(prefix, s.stdout, s.task.user); err != nil {
			return fmt.Errorf("starting the sidecar %s: %w", sidecar, err)
		}
		defer stdout.Close()
		if stderr, err = s.prefixed.pipe(prefix, s.stderr, s.task.user); err != nil {
			return fmt.Errorf("starting the sidecar %s: %w", sidecar, err)
		}
		defer stderr.Close()
	}
	spec.Stdout, spec.Stderr = stdout, stderr
	p, err := s.host.Start(spec)
	if err != nil {
		return fmt.Errorf("starting the app: %w", err)
	}
	s.children = append(s.children, &child{Process: p, sidecar: sidecar})
	return nil
}

// ports are those that the app listens on, seen from the task; the first one
// is its PORT.
func (t *task) ports() []int {
	ports := []int{t.http.Port}
	for _, e := range t.further {
		ports = append(ports, e.Port)
	}
	return ports
}

// supervise waits for whatever ends the instance first: a process (any, with
// any code), a failed check, or SIGTERM. Then it ends all of them.
func (s *supervisor) supervise(ctx context.Context) (int, error) {
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan *child, len(s.children))
	for _, c := range s.children {
		go func() {
			<-c.Done()
			ended <- c
		}()
	}
	if s.task.image == nil {
		go s.task.measure(watch, s.task.copyDir(s.guid))
	}
	unhealthy := make(chan *unhealthyError, 1)
	go func() {
		if err := s.newMonitor().run(watch); err != nil {
			unhealthy <- err
		}
	}()
	select {
	case first := <-ended:
		cancel()
		s.board.set(lifecycle.HealthUnhealthy, "a process has ended")
		code := proc.ExitCode(first.Status())
		s.report(first, "")
		s.end(first)
		return code, nil
	case err := <-unhealthy:
		fmt.Fprintln(s.log, err)
		s.end(nil)
		return err.Code, nil
	case <-ctx.Done():
		s.board.set(lifecycle.HealthStopping, "the instance was asked to stop")
		s.end(nil)
		return proc.ExitCode(s.children[0].Status()), nil
	}
}

func (s *supervisor) newMonitor() *monitor {
	timeout := defaultTimeout
	if s.task.process.TimeoutS > 0 {
		timeout = time.Duration(s.task.process.TimeoutS) * time.Second
	}
	return &monitor{
		board: s.board, host: s.task.localIP, ports: s.task.ports(), timeout: timeout,
		health: s.task.process.Health, readiness: s.task.process.Readiness, log: s.log,
	}
}

// end asks all processes but the one that has ended to end, waits, and kills
// what is left, with everything that they started.
func (s *supervisor) end(first *child) {
	for _, c := range s.children {
		c.Signal(syscall.SIGTERM)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for _, c := range s.children {
		if c == first {
			continue
		}
		note := ""
		select {
		case <-c.Done():
		case <-timer.C:
			note = fmt.Sprintf(" (exceeded %s graceful shutdown interval)", grace)
			for _, late := range s.children {
				late.Signal(syscall.SIGKILL)
			}
			timer.Reset(0) // the others are as late
			<-c.Done()
		}
		s.report(c, note)
	}
}

// report prints how a process ended, as Cloud Foundry words it.
func (s *supervisor) report(c *child, note string) {
	status := c.Status()
	if note == "" && proc.ExitCode(status) == 128+int(syscall.SIGKILL) && s.oom.Killed() { // a shell's child may be the one
		note = " (out of memory)"
	}
	label := ""
	if c.sidecar != "" {
		label = lifecycle.SidecarPrefix(c.sidecar)
	}
	fmt.Fprintf(s.log, "%s%s%d%s\n", label, lifecycle.ExitStatus, proc.ExitCode(status), note)
}
