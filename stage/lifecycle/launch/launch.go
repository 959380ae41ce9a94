package launch

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.yaml.in/yaml/v2"

	"wadi/stage/lifecycle"
)

// Exit codes of the launcher itself; else the app's code is that of the task.
const (
	exitUsage = 1 // arguments or staging info
	exitFlag  = 2 // a flag that there is not
	exitEnv   = 3
	exitExec  = 4
)

// StagingInfo is staging_info.yml: JSON text, read as YAML.
type StagingInfo struct {
	DetectedBuildpack string                     `json:"detected_buildpack" yaml:"detected_buildpack"`
	StartCommand      string                     `json:"start_command" yaml:"start_command"`
	Config            *lifecycle.BuildpackConfig `json:"config,omitempty" yaml:"config"`
}

// Main is `lifecycle launch APPDIR COMMAND METADATA`, run in the folder that
// holds staging_info.yml. COMMAND "" means the droplet's own. METADATA and
// what follows may be flags, else it is ignored, as Cloud Foundry's launcher
// does. It returns only if it failed.
func Main(args []string, stderr io.Writer) int { return launch(args, "", stderr) }

// Task is `lifecycle launch-task` with the same arguments, for a one-off
// task: what that writes to stdout is its result, so the launcher's own two
// lines go to stderr.
func Task(args []string, stderr io.Writer) int { return launch(args, " >&2", stderr) }

func launch(args []string, notes string, stderr io.Writer) int {
	if len(args) < 3 {
		fmt.Fprintf(stderr, "launcher: received only %d arguments\nUsage: launcher <app-directory> <start-command> <metadata>\n", len(args))
		return exitUsage
	}
	info, err := readStagingInfo(lifecycle.StagingInfoName)
	if err != nil {
		fmt.Fprintf(stderr, "Invalid staging info - %s\n", err)
		return exitUsage
	}
	command := args[1]
	if command == "" {
		command = info.StartCommand
	}
	if command == "" {
		fmt.Fprintln(stderr, "launcher: no start command specified or detected in droplet")
		return exitUsage
	}
	dir, err := filepath.Abs(args[0])
	if err != nil {
		fmt.Fprintf(stderr, "launcher: finding the app folder: %s\n", err)
		return exitEnv
	}
	switch err := parseFlags(args[2:], stderr); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitFlag
	}
	if err := CheckPlatformOptions(os.Getenv); err != nil {
		fmt.Fprintln(stderr, err)
		return exitEnv
	}
	prefix := ""
	if info.Config != nil {
		prefix = info.Config.EntrypointPrefix
	}
	argv := []string{"bash", "-c", script(prefix, notes), "launcher", dir, command}
	err = syscall.Exec(Bash, argv, Env(os.Environ(), dir))
	fmt.Fprintf(stderr, "launcher: starting %s: %s: the stack needs bash\n", Bash, err)
	return exitExec
}

// parseFlags reads flags that Cloud Foundry puts after the arguments.
func parseFlags(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("launcher", flag.ContinueOnError)
	flags.SetOutput(stderr)
	CredHubFlags(flags)
	return flags.Parse(args)
}

func readStagingInfo(path string) (StagingInfo, error) {
	var info StagingInfo
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	if err := yaml.Unmarshal(content, &info); err != nil {
		return info, fmt.Errorf("failed to unmarshal %s: %w", path, err)
	}
	return info, nil
}

// script is what bash runs, with the app folder and the command as $1 and $2.
// The prefix, a buildpack's, is split into words; notes redirects the
// launcher's own two lines.
func script(prefix, notes string) string {
	if prefix == "" {
		prefix = "bash -c"
	}
	return enter + `echo "Invoking pre-start scripts."` + notes + "\n\n" + profiles + dotProfile +
		"shift\n\n" + `echo "Invoking start command."` + notes + "\n\nexec " + prefix + ` "$@"` + "\n"
}

// ShellArgs is the command line of a shell in the app folder dir (absolute),
// as Cloud Foundry's `shell` makes it: the launcher's without .profile, and
// with a shell for command "".
func ShellArgs(dir, command string) []string {
	if command == "" {
		command = "bash"
	}
	return []string{Bash, "-c", enter + profiles + "shift\n" + `exec bash -c "$@"` + "\n", "shell", dir, command}
}

// Bash is the shell of apps: a stack has it there.
const Bash = "/bin/bash"

const enter = "\ncd \"$1\"\n\n"

// The paths are not quoted and the scripts are sourced in the shell itself,
// so that buildpacks meet what they were written for: a failing script does
// not stop the start, `exit` in one does.
const profiles = `if [ -n "$(ls ../profile.d/* 2> /dev/null)" ]; then
  for env_file in ../profile.d/*; do
    source $env_file
  done
fi

if [ -n "$(ls .profile.d/* 2> /dev/null)" ]; then
  for env_file in .profile.d/*; do
    source $env_file
  done
fi

`

const dotProfile = `if [ -f .profile ]; then
  source .profile
fi

`
