package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wadi/nomad/agent/flock"
)

// Record is what is known of an agent outside its process, so that what it
// leaves when it is killed can be found: a JSON file in the state folder.
type Record struct {
	ID      string    `json:"id"`      // the marker in the agent's environment
	Dir     string    `json:"dir"`     // the data folder
	Binary  string    `json:"binary"`  // the Nomad executable
	Process processID `json:"process"` // the agent's
	Ports   Ports     `json:"ports"`

	// Allocs are allocations whose folders may be gone already.
	Allocs []string `json:"-"`
}

// slots is how many agents a state folder, and a machine, has room for.
const slots = 12

// slot is a place for one agent: a lock, which its owner holds as long as it
// lives, and a record.
type slot struct {
	n      int
	dir    string
	lock   *flock.Lock
	ports  *taskPorts
	record Record
}

func (s *slot) path() string { return filepath.Join(s.dir, fmt.Sprintf("%02d.json", s.n)) }

// trySlot takes slot n with its record, if it has one; flock.ErrHeld means
// that its owner lives.
func trySlot(dir string, n int) (*slot, error) {
	lock, err := flock.Try(filepath.Join(dir, fmt.Sprintf("%02d.lock", n)), flock.Exclusive)
	if err != nil {
		return nil, err
	}
	s := &slot{n: n, dir: dir, lock: lock}
	text, err := os.ReadFile(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s.record)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the record of an agent %s: %w (remove it to go on)", s.path(), err), lock.Unlock())
	}
	return s, nil
}

// claimSlot takes the first slot whose owner does not live and ends what the
// last one left.
func claimSlot(ctx context.Context, dir string) (*slot, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	for n := range slots {
		s, err := trySlot(dir, n)
		if errors.Is(err, flock.ErrHeld) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := s.sweep(ctx); err != nil {
			return nil, errors.Join(err, s.lock.Unlock())
		}
		if s.ports, err = claimTaskPorts(); err != nil {
			return nil, errors.Join(err, s.lock.Unlock())
		}
		return s, nil
	}
	return nil, fmt.Errorf("%d agents run already, by the records in %s: stop one", slots, dir)
}

// write puts the record in place, whole or not at all.
func (s *slot) write() error {
	text, err := json.MarshalIndent(s.record, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record of the agent: %w", err)
	}
	tmp := s.path() + ".new"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the record of the agent: %w", err)
	}
	if err := os.Rename(tmp, s.path()); err != nil {
		return fmt.Errorf("write the record of the agent: %w", err)
	}
	return nil
}

// release ends all that belongs to the record and lets the slot go.
func (s *slot) release(ctx context.Context) error {
	err := s.sweep(ctx)
	if s.ports != nil { // a slot that is only swept has none
		err = errors.Join(err, s.ports.release())
	}
	return errors.Join(err, s.lock.Unlock())
}

// sweep ends all that belongs to the record, and removes it.
func (s *slot) sweep(ctx context.Context) error {
	if s.record.ID != "" {
		if err := s.record.sweep(ctx); err != nil {
			return fmt.Errorf("sweep what the Nomad agent in %s left: %w", s.record.Dir, err)
		}
	}
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record of an agent: %w", err)
	}
	s.record = Record{}
	return nil
}
