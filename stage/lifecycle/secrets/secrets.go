// Package secrets reads what the platform gave a task: the files of its
// secrets folder (NOMAD_SECRETS_DIR).
package secrets

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wadi/stage/lifecycle"
)

// Dir is the secrets folder of a task.
type Dir string

// Read reads a file.
func (d Dir) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(d), name)) }

// JSON decodes a file; one that is not there is an fs.ErrNotExist.
func (d Dir) JSON(name string, into any) error {
	content, err := d.Read(name)
	if err != nil {
		return fmt.Errorf("reading what the platform gave the task: %w", err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("reading what the platform gave the task: %s: %w: this wadi and this lifecycle do not belong together", name, err)
	}
	return nil
}

// Identity is the token with which the blob store knows the task. Nomad
// renews it while the task runs, so it is read again each time.
func (d Dir) Identity() (string, error) {
	token, err := d.Read(lifecycle.IdentityFile)
	if err != nil {
		return "", fmt.Errorf("reading the task's identity: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}
