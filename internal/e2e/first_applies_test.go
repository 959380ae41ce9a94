package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"wadi/internal/nomadtest"
)

const firstManifest = `applications:
- name: app%d
  no-route: true
  memory: 64M
  buildpacks: [staticfile]
  env: {GREETING: '%d'}
`

// TestFirstApplies lets two first applies of a new space run at once: each
// makes what they share, and neither is in the other's way.
func TestFirstApplies(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for round := range 3 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			space := nomadtest.Namespace(t)
			var wait sync.WaitGroup
			for i := range 2 {
				dir := t.TempDir()
				for name, text := range map[string]string{
					"manifest.yml": fmt.Sprintf(firstManifest, i, i),
					"index.html":   fmt.Sprint("page ", i),
				} {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				wait.Go(func() {
					cmd := exec.Command(filepath.Join(p.bin, "wadi"), "apply", "--auto-approve", dir)
					cmd.Env = append(os.Environ(), p.env(space)...)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("app %d: %v\n%s", i, err, out)
					}
				})
			}
			wait.Wait()
		})
	}
}
