package instance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
)

// Shell is `lifecycle shell TERM [COMMAND]`, executed beside a supervisor in
// its Nomad task: it becomes a shell in the app's folder, with the user and
// the environment of the process that runs there. TERM is the terminal's
// kind, "" where there is none. It returns only if it failed: 126, as shells
// say of what cannot be run.
func Shell(args []string) int {
	fmt.Fprintln(os.Stderr, "lifecycle shell:", shell(args))
	return 126
}

func shell(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: lifecycle shell TERM [COMMAND]")
	}
	t, err := loadTask(os.Getenv)
	if err != nil {
		return err
	}
	guid, err := t.runningCopy()
	if err != nil {
		return err
	}
	dir := t.copyDir(guid)
	env, err := t.shellEnvironment(guid, dir)
	if err != nil {
		return err
	}
	if args[0] != "" {
		env["TERM"] = args[0]
	}
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if err := proc.Give(f, t.user); err != nil {
			return err
		}
	}
	if err := t.joinInstance(); err != nil {
		return err
	}
	command := ""
	if len(args) == 2 {
		command = args[1]
	}
	parent := 0
	if os.Getenv(boundVar) != "" {
		parent = os.Getppid()
	}
	if t.image != nil {
		return t.image.become(parent, command, env)
	}
	app := filepath.Join(dir, "app")
	return proc.Become(t.user, parent, launch.ShellArgs(app, command), launch.Env(launch.Environ(env), app))
}

// supervisorFile, in the task's folder, has the process id of the supervisor.
const supervisorFile = "supervisor.pid"

// joinInstance puts this process under the limits of the instance, with which
// it also ends. In a container it is there already, and without root it cannot.
func (t *task) joinInstance() error {
	if t.container != "" || t.user == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(t.dir, supervisorFile))
	if err != nil {
		return fmt.Errorf("finding the supervisor of the instance: %w", err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return fmt.Errorf("finding the supervisor of the instance: %w", err)
	}
	return proc.JoinCgroups(pid)
}

// shellEnvironment is that of the main process of the instance.
func (t *task) shellEnvironment(guid, dir string) (map[string]string, error) {
	fds, err := proc.LimitFiles()
	if err != nil {
		return nil, err
	}
	work, err := t.workloadIn(dir)
	if err != nil {
		return nil, err
	}
	memory := mainMemory(t.process.MemoryMB, sidecarsFor(t.process.Type, t.process.Sidecars, work.sidecars()))
	return t.environment(guid, work.bindings(), memory, limits{FDs: fds, Mem: memory, Disk: t.process.DiskMB})
}

// workloadIn is the workload of the instance that runs in dir.
func (t *task) workloadIn(dir string) (workload, error) {
	if t.image != nil {
		return t.image, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("entering the folder of the instance: %w", err)
	}
	defer root.Close()
	meta, err := readMetadata(root)
	return dropletCopy{dir, meta}, err
}
