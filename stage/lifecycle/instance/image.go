package instance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/user"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
)

// container is the file system of an app's own image, which the supervisor
// finds itself in. Nothing in it is needed but what the image itself starts.
type container struct {
	meta lifecycle.ImageMetadata
	user proc.User
	name string // of the user, as the files or the image have it
	home string // of the user, as the image has it
}

// newContainer finds out whose processes run: the files' word for the user
// goes before the image's, and root is who nobody names.
func newContainer(meta lifecycle.ImageMetadata, process lifecycle.RunProcess) (*container, error) {
	name := process.User
	if name == "" {
		name = meta.User
	}
	found, err := user.GetExecUserPath(name, &user.ExecUser{Home: "/"}, "/etc/passwd", "/etc/group")
	if err != nil {
		return nil, fmt.Errorf("the image does not know its user %q: %w: name one that it has, or a number", name, err)
	}
	if found.Uid == 0 && process.NoRoot {
		return nil, errors.New("attempting to run process as root user, which is not permitted: give the image a USER, or the process a user")
	}
	return &container{meta: meta, user: proc.User{UID: found.Uid, GID: found.Gid, Groups: found.Sgids}, name: userName(name), home: found.Home}, nil
}

// userName is what Cloud Foundry calls a container's user.
func userName(user string) string {
	name, _, _ := strings.Cut(user, ":")
	return cmp.Or(name, "root")
}

// environment is what the image says, and what a container runtime adds.
func (c *container) environment() map[string]string {
	env := map[string]string{"PATH": launch.Path, "HOME": c.home, "USER": c.name}
	if name, err := os.Hostname(); err == nil {
		env["HOSTNAME"] = name
	}
	for _, entry := range c.meta.Env {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// imageBindings holds bindings that come as files.
const imageBindings = "/local/service-bindings"

// prepare makes what the processes find beside the image, and its working
// folder, as docker does.
func (c *container) prepare(t *task) error {
	if err := os.MkdirAll(c.workdir(), 0o755); err != nil {
		return fmt.Errorf("couldn't change directories to %s: %w: the image has something else there", c.workdir(), err)
	}
	bindings, err := t.environs.Files()
	if err != nil {
		return err
	}
	if err := remove.All(imageBindings); err != nil {
		return fmt.Errorf("removing the service bindings of the last start: %w", err)
	}
	return proc.WriteFiles(imageBindings, bindings, t.user)
}

func (c *container) workdir() string {
	if c.meta.Workdir == "" {
		return "/"
	}
	return c.meta.Workdir
}

// imageShell runs what is not the image's own.
const imageShell = "/bin/sh"

// spec starts command with a shell, "" what the image itself starts. Both
// are what Cloud Foundry's launcher of images does.
func (c *container) spec(_, command string, env map[string]string) (proc.Spec, error) {
	argv := []string{imageShell, "-c", command}
	if command == "" {
		argv = c.meta.Command()
	} else if err := executable(imageShell); err != nil {
		return proc.Spec{}, fmt.Errorf("failed to resolve path: %w: commands, sidecars and tasks are run by the image's %s: take an image that has one, or leave the start to the image's own entrypoint and cmd", err, imageShell)
	}
	if len(argv) == 0 {
		return proc.Spec{}, errors.New("no start command found or specified: the image has neither entrypoint nor cmd: set `command`")
	}
	path, err := lookPath(argv[0], env["PATH"], c.workdir())
	if err != nil {
		return proc.Spec{}, err
	}
	return proc.Spec{Path: path, Argv: argv, User: &c.user, Dir: c.workdir(), Env: launch.ImageEnv(env)}, nil
}

// lookPath finds a program as the image would: by its PATH, or, with a slash
// in its name, from the working folder.
func lookPath(program, path, workdir string) (string, error) {
	if strings.Contains(program, "/") {
		if !filepath.IsAbs(program) {
			program = filepath.Join(workdir, program)
		}
		if err := executable(program); err != nil {
			return "", fmt.Errorf("failed to resolve path: %w: the image has no such program", err)
		}
		return program, nil
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(workdir, dir)
		}
		if found := filepath.Join(dir, program); executable(found) == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("failed to resolve path: the image has no program %s in its PATH %s", program, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return &os.PathError{Op: "execute", Path: path, Err: os.ErrPermission}
	}
	return nil
}

// A start command is none of an image's metadata: "" starts what the image
// starts.
func (c *container) startCommand(process lifecycle.RunProcess) (string, error) {
	return process.Command, nil
}

func (c *container) sidecars() []lifecycle.Sidecar { return nil }

func (c *container) bindings() string { return imageBindings }

// shells are where images have one.
var shells = []string{"/bin/bash", "/usr/local/bin/bash", imageShell}

// become executes a shell in place of this process, which dies with parent
// where that is not 0.
func (c *container) become(parent int, command string, env map[string]string) error {
	for _, shell := range shells {
		if executable(shell) != nil {
			continue
		}
		argv := []string{shell}
		if command != "" {
			argv = []string{shell, "-c", command}
		}
		if err := os.Chdir(c.workdir()); err != nil {
			return fmt.Errorf("entering the working folder of the image: %w", err)
		}
		return proc.BecomeUser(c.user, parent, shell, argv, launch.ImageEnv(env))
	}
	return fmt.Errorf("the image has no shell (looked for %s)", strings.Join(shells, ", "))
}
