// Package testneed says what the machine of a test has to offer.
package testneed

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"wadi/stage/lifecycle/launch"
)

// Var names, separated by commas, what a machine must offer ("nomad",
// "docker", "s3", "go", "nodejs", "python"): a test that is skipped where that
// is missing fails then.
const Var = "WADI_TEST_REQUIRE"

// Required says whether Var names it.
func Required(what string) bool {
	return slices.ContainsFunc(strings.Split(os.Getenv(Var), ","), func(s string) bool { return strings.TrimSpace(s) == what })
}

// toolchains are what built-in buildpacks use of the stack: shell commands
// that succeed where it is there.
var toolchains = map[string]string{
	"go":     "command -v go || ls /usr/local/go/bin/go /usr/lib/go*/bin/go | grep .",
	"nodejs": "node --version && npm --version",
	"python": "python3 -c 'import venv, ensurepip'",
}

// ErrUnknown is of a toolchain that no built-in buildpack uses.
var ErrUnknown = errors.New("unknown toolchain")

// Toolchain says why tasks on this machine, as a stack, do not find what a
// built-in buildpack uses; nil if they do.
func Toolchain(buildpack string) error {
	check, ok := toolchains[buildpack]
	if !ok {
		return fmt.Errorf("%w %q: there are %s", ErrUnknown, buildpack, strings.Join(slices.Sorted(maps.Keys(toolchains)), ", "))
	}
	cmd := exec.Command("/bin/sh", "-c", check)
	cmd.Env = []string{"PATH=" + launch.Path}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the toolchain of %s is not on this machine: %s: %w\n%s", buildpack, check, err, out)
	}
	return nil
}
