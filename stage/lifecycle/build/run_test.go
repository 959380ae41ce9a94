package build

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestStopped: a signal ends the build and what scripts started, and leaves
// nothing; one that the caller ignores does not.
func TestStopped(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP} {
		if signal.Ignored(sig) { // by who started the tests: in the background, or with nohup
			continue
		}
		m := newMachine(t, nil).add("c", files{"bin/compile": "kill -" + name + " $PPID; trap '' " + name + "; sleep 1000"})
		e := m.run("--skip-detect")
		e.want(143, "the build was stopped\n")
		if _, err := os.Stat(m.path("out/result.json")); err == nil {
			t.Errorf("%s: there is a result of a build that was stopped", name)
		}
	}
	m := newMachine(t, nil).add("c", files{"bin/compile": "kill -HUP $PPID", "bin/release": "echo 'default_process_types: {web: w}'\n"})
	m.env = append(m.env, "BUILD_NOHUP=1")
	m.run("--skip-detect").want(0, "")
}
