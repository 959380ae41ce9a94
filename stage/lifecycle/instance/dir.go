package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// instancesDir, below the task's folder, holds the copy of the running
// instance, in a folder named by its guid.
const instancesDir = "instances"

// privateDir, in the task's folder, is what proc.User.Private says.
const privateDir = "private"

// bindingsDir, in the instance's folder, holds bindings that come as files.
const bindingsDir = "service-bindings"

// instanceFile, in the task's folder, has the guid of the running instance.
const instanceFile = "instance.guid"

// copyDir is the folder of an instance's copy of the droplet. In a container
// there is no other instance: the copy is where Cloud Foundry has it.
func (t *task) copyDir(guid string) string {
	if t.container != "" {
		return lifecycle.ContainerHome
	}
	return filepath.Join(t.dir, instancesDir, guid)
}

// makeCopyDir makes that folder, with nothing in it that an earlier start
// left.
func (t *task) makeCopyDir(guid string) (string, error) {
	if err := os.Remove(filepath.Join(t.dir, instanceFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("removing what names the last instance: %w", err)
	}
	dir := t.copyDir(guid)
	if t.container != "" {
		if err := proc.CleanContainer(t.user); err != nil {
			return "", err
		}
		return dir, nil
	}
	parent := filepath.Dir(dir)
	for _, old := range []string{parent, filepath.Join(t.dir, privateDir)} {
		if err := remove.All(old); err != nil {
			return "", fmt.Errorf("removing the copy of the last start: %w", err)
		}
	}
	if err := os.Mkdir(parent, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of the instance: %w", err)
	}
	if err := proc.MakeDir(dir, t.user); err != nil {
		return "", fmt.Errorf("making the folder of the instance: %w", err)
	}
	if err := proc.MakePrivate(t.user, filepath.Join(dir, "app")); err != nil {
		return "", err
	}
	return dir, proc.CheckTraversable(dir, t.user)
}

// announce tells those who come later (shells) that the copy is complete.
func (t *task) announce(guid string) error {
	if err := os.WriteFile(filepath.Join(t.dir, instanceFile), []byte(guid), 0o644); err != nil {
		return fmt.Errorf("writing down which instance runs: %w", err)
	}
	return nil
}

// runningCopy is the guid of the instance that runs now.
func (t *task) runningCopy() (string, error) {
	guid, err := os.ReadFile(filepath.Join(t.dir, instanceFile))
	if err != nil {
		return "", errors.New("the instance has not unpacked its droplet yet: try again when it runs")
	}
	return string(guid), nil
}
