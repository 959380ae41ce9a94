// Package shelf is where the sidecar writes down what is in stock, and web
// reads it: a file in the folder that both run in.
package shelf

import (
	"encoding/json"
	"os"
	"time"
)

const file = "stock.json"

// Count is what the sidecar found.
type Count struct {
	Wadis int       `json:"wadis"`
	At    time.Time `json:"at"`
	// MemoryLimit is what the sidecar may take.
	MemoryLimit string `json:"memory_limit"`
}

// Write stores a count; who reads sees the old or the new one, never a part.
func Write(c Count) error {
	content, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Read is the last count; there is none (fs.ErrNotExist) until the sidecar
// has counted once.
func Read() (Count, error) {
	var c Count
	content, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(content, &c)
}
