package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// CacheDir is where wadi keeps what it may rebuild: "wadi" below the user's
// cache folder ($XDG_CACHE_HOME, else $HOME/.cache), or a folder of this user
// in the temporary folder where neither is set. It is not created.
func CacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "wadi-cache-"+strconv.Itoa(os.Getuid()))
	}
	return filepath.Join(base, "wadi")
}

// RecordDir is where the agents started by this user leave their records
// inside a cache folder: the StateDir of Config and Sweep.
func RecordDir(cacheDir string) string {
	return filepath.Join(cacheDir, "agents")
}

// makeDir makes a folder of the cache and says what to do when it cannot.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the cache folder %s: %w (set XDG_CACHE_HOME to a folder that can be written)", dir, err)
	}
	return nil
}
