package cli

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/nomadtest"
)

// TestMain is wadi itself when the binary runs under its name: for scripts,
// and for Nomad, which runs copies of it as the platform's jobs.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "wadi") {
		ctx, cancel := context.WithCancelCause(context.Background())
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
		go func() { <-signals; cancel(ErrInterrupted) }()
		os.Exit(Main(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	nomadtest.Main(m)
}

// setup puts wadi on a script's PATH and takes the settings of whoever runs
// the tests away.
func setup(env *testscript.Env, vars ...string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(exe, filepath.Join(bin, "wadi")); err != nil {
		return err
	}
	env.Vars = append(env.Vars, "HOME="+env.WorkDir, "PATH="+bin+":"+os.Getenv("PATH"),
		"WADI_CACHE_DIR="+filepath.Join(env.WorkDir, ".cache"), "XDG_DATA_HOME="+filepath.Join(env.WorkDir, ".data"))
	env.Vars = append(env.Vars, vars...)
	return nil
}

// TestScripts runs what needs no Nomad.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		// port 1: whoever asks Nomad is refused at once
		Setup: func(env *testscript.Env) error { return setup(env, "NOMAD_ADDR=http://127.0.0.1:1") },
	})
}
