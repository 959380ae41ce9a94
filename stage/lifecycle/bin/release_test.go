//go:build release

package bin

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func TestOpenRelease(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for _, arch := range []string{"amd64", "arm64", "amd64"} {
		b, err := Open(t.Context(), cache, arch)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != b.SHA256 || int64(len(content)) != b.Size {
			t.Errorf("%s: %+v is not what the file is", arch, b)
		}
	}
	if _, err := Open(t.Context(), cache, "sparc"); err == nil || !strings.Contains(err.Error(), "no lifecycle for sparc") {
		t.Errorf("error %v", err)
	}
}
