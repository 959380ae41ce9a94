//go:build release

package bin

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed dist/*.tgz
var dist embed.FS

// Open returns the embedded lifecycle for linux on arch (a GOARCH such as
// "amd64"), as a file below cacheDir.
func Open(_ context.Context, cacheDir, arch string) (Binary, error) {
	content, err := dist.ReadFile("dist/lifecycle-linux-" + arch + ".tgz")
	if err != nil {
		return Binary{}, fmt.Errorf("this release of wadi has no lifecycle for %s: use a node of another architecture, or run wadi from source", arch)
	}
	sum := sha256.Sum256(content)
	key := "release-" + hex.EncodeToString(sum[:])
	dir := filepath.Join(cacheDir, "lifecycle")
	if b, ok := lookUp(dir, key); ok {
		return b, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Binary{}, fmt.Errorf("making the cache of the lifecycle: %w", err)
	}
	return store(dir, key, content)
}
