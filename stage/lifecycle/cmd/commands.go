package main

import (
	"errors"
	"fmt"
	"os"

	"wadi/stage/lifecycle/build"
	"wadi/stage/lifecycle/instance"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
	"wadi/stage/lifecycle/staging"
	"wadi/stage/lifecycle/static"
)

const usage = `usage: lifecycle stage                             the staging task
       lifecycle build --buildpack-order KEY,… [FLAG…]    the builder without Nomad: files in, a droplet out
       lifecycle run                               the supervisor of one instance
       lifecycle task                              a one-off task
       lifecycle sshd                              an SSH server on standard input and output, for one shell beside a running instance
       lifecycle shell TERM [COMMAND]              become that shell
       lifecycle launch APPDIR COMMAND METADATA    become the app
       lifecycle launch-task APPDIR COMMAND METADATA    become a one-off task
       lifecycle serve [--check DIR]               serve static files on $PORT, or say what would be
       lifecycle drop UID:GID DIR PRIVATE PROGRAM [ARGUMENT…]  become PROGRAM as that user, without any right, with no folder of an allocation but DIR ("" = all), and /tmp and the users of PRIVATE ("" = the node's)
       lifecycle assume UID:GID[:GID…] PATH ARGV0 [ARGUMENT…]  become the program at PATH as that user`

// commands take what follows their name and return the exit code.
var commands = map[string]func(args []string) int{
	"stage":       func([]string) int { return staging.Run(os.Stdout, os.Stderr) },
	"build":       func(args []string) int { return build.Main(args, os.Stdout, os.Stderr) },
	"run":         func([]string) int { return instance.Run(os.Stdout, os.Stderr) },
	"task":        func([]string) int { return instance.RunTask(os.Stdout, os.Stderr) },
	"sshd":        instance.SSHD,
	"shell":       instance.Shell,
	"launch":      func(args []string) int { return launch.Main(args, os.Stderr) },
	"launch-task": func(args []string) int { return launch.Task(args, os.Stderr) },
	"serve":       func(args []string) int { return static.Main(args, os.Stdout, os.Stderr) },
	"drop":        drop,
	"assume":      assume,
}

// drop returns only if it failed: 126, as shells say of what cannot be run.
func drop(args []string) int {
	err := errors.New("usage: lifecycle drop UID:GID DIR PRIVATE PROGRAM [ARGUMENT…]")
	if len(args) >= 4 {
		err = proc.Drop(args[0], args[1], args[2], args[3:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "lifecycle drop:", err)
	return 126
}

// assume returns only if it failed, as drop does.
func assume(args []string) int {
	err := errors.New("usage: lifecycle assume UID:GID[:GID…] PATH ARGV0 [ARGUMENT…]")
	if len(args) >= 3 {
		err = proc.Assume(args[0], args[1], args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "lifecycle assume:", err)
	return 126
}
