package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"wadi/nomad/agent"
)

// cacheDir is where what may always be deleted is kept.
func cacheDir() string {
	if dir := os.Getenv("WADI_CACHE_DIR"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
		return dir
	}
	return agent.CacheDir()
}

// dataDir is where what must be kept is kept: $XDG_DATA_HOME/wadi, else
// ~/.local/share/wadi.
func dataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wadi"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", withHint(fmt.Errorf("find the folder for data: %w", err), "set HOME or XDG_DATA_HOME")
	}
	return filepath.Join(home, ".local", "share", "wadi"), nil
}
