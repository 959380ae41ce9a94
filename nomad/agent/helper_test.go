package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// helperVar makes the test binary do a helper's task instead of its tests.
const helperVar = "WADI_AGENT_TEST_HELPER"

// HelperCommand runs this program again, for a helper's task.
func HelperCommand(name, task string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"="+name+" "+task)
	cmd.Stderr = os.Stderr
	return cmd
}

// Helper does the task of a helper process, if this is one.
func Helper() {
	text, ok := os.LookupEnv(helperVar)
	if !ok {
		return
	}
	name, task, _ := strings.Cut(text, " ")
	var err error
	switch name {
	case "build":
		err = buildHelper(task)
	case "own":
		err = ownHelper(task)
	default:
		err = fmt.Errorf("no helper %q", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// ownHelper is a process that owns an agent: it starts it with the Config in
// task, prints Owned as JSON and, when its stdin ends, stops it.
func ownHelper(task string) error {
	var c Config
	if err := json.Unmarshal([]byte(task), &c); err != nil {
		return err
	}
	a, err := Start(context.Background(), c)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(Owned{Address: a.Address, Token: a.Token, Dir: a.Dir, PID: a.PID()}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return a.Stop(context.Background())
}

// Owned is what ownHelper says of its agent.
type Owned struct {
	Address, Token, Dir string
	PID                 int
}
