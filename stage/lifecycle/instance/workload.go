package instance

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
)

// workload is what an instance consists of: a copy of the droplet, or the
// container of the app's own image.
type workload interface {
	// spec is how a process that runs command is started; its output is not
	// set. launcher is the command of the lifecycle that starts droplets.
	spec(launcher, command string, env map[string]string) (proc.Spec, error)
	startCommand(process lifecycle.RunProcess) (string, error)
	sidecars() []lifecycle.Sidecar // that it brings
	bindings() string              // folder of bindings that come as files
}

// unpack makes the workload of a new instance.
func (t *task) unpack(ctx context.Context, guid string, log io.Writer) (workload, error) {
	if t.image == nil {
		dir, meta, err := t.freshCopy(ctx, guid, log)
		if err != nil {
			return nil, err
		}
		return dropletCopy{dir, meta}, t.announce(guid)
	}
	if err := t.image.prepare(t); err != nil {
		return nil, err
	}
	return t.image, t.announce(guid)
}

// dropletCopy is an instance's copy of the droplet.
type dropletCopy struct {
	dir  string
	meta lifecycle.DropletMetadata
}

func (d dropletCopy) spec(launcher, command string, env map[string]string) (proc.Spec, error) {
	return proc.Spec{Argv: []string{proc.Self, launcher, "app", command, ""}, Env: launch.Environ(env), Dir: d.dir}, nil
}

// startCommand is the process's own, else the one that the droplet brings.
func (d dropletCopy) startCommand(process lifecycle.RunProcess) (string, error) {
	if process.Command != "" {
		return process.Command, nil
	}
	if command := d.meta.ProcessTypes[process.Type]; command != "" {
		return command, nil
	}
	return "", fmt.Errorf("no start command for process %q: neither the app's files nor its droplet have one: set `command`, or add the type to the Procfile", process.Type)
}

func (d dropletCopy) sidecars() []lifecycle.Sidecar { return d.meta.Sidecars }

func (d dropletCopy) bindings() string { return filepath.Join(d.dir, bindingsDir) }
