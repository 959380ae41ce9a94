package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// marker is the variable that the agent's environment carries with the id of
// its record. Nomad's helpers inherit it, and raw_exec tasks until they clean
// their environment, so Sweep knows what belongs to an agent.
const marker = "WADI_AGENT"

// process is the agent's process.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // of Wait; read it after done
}

// spawn starts the agent's process. It is sent SIGINT when this process
// ends, however it does; a session of its own keeps the terminal's Ctrl-C
// away from it.
func spawn(c Config, id string, args []string) (*process, error) {
	log, err := os.OpenFile(c.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the agent's log: %w", err)
	}
	cmd := exec.Command(c.Binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, log, log
	cmd.Env = agentEnv(os.Environ(), c.Dir, id)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGINT}

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, so
		// this one stays with the process. It is not unlocked: it ends here.
		runtime.LockOSThread()
		err := cmd.Start()
		_ = log.Close()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run the agent: %w", err)
	}
	return p, nil
}

// agentEnv is the agent's whole environment: raw_exec tasks start with it,
// so nothing of the user's is in it but the PATH and where Docker listens.
func agentEnv(user environ, dir, id string) []string {
	path := user.get("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	out := []string{"PATH=" + path, "HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), marker + "=" + id}
	for _, k := range []string{"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		if v := user.get(k); v != "" {
			out = append(out, k+"="+v)
		}
	}
	return out
}

// interrupt asks the process to end and waits for that; when ctx ends first
// it is killed.
func (p *process) interrupt(ctx context.Context) {
	select {
	case <-p.done:
		return
	default:
	}
	// Not yet waited for, so the pid is still its own.
	_ = syscall.Kill(p.pid, syscall.SIGINT)
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
		<-p.done
	}
}

// lastLines quotes the end of a log for an error.
func lastLines(path string) string {
	const tail = 8 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size == 0 {
		return ""
	} else if _, err := f.Seek(max(0, size-tail), io.SeekStart); err != nil {
		return ""
	}
	w := &lineWriter{}
	if _, err := io.Copy(w, f); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	w.flush()
	if rest := strings.TrimSpace(w.rest()); rest != "" {
		return "\nthe last lines of its log:\n" + rest
	}
	return ""
}
