package staging

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAssemble(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(app string) error
		ok   bool
	}{
		"a folder":          {func(app string) error { return os.Mkdir(app, 0o755) }, true},
		"a link to another": {func(app string) error { return os.Symlink(os.TempDir(), app) }, false},
		"a file":            {func(app string) error { return os.WriteFile(app, nil, 0o644) }, false},
		"nothing":           {func(string) error { return nil }, false},
	} {
		dir := t.TempDir()
		f := folders{app: filepath.Join(dir, "app"), contents: filepath.Join(dir, "contents")}
		if err := os.Mkdir(f.contents, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := test.make(f.app); err != nil {
			t.Fatal(err)
		}
		err := f.assemble()
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(f.contents, "app")); (err == nil) != test.ok {
			t.Errorf("%s: in the droplet: %v", name, err)
		}
	}
}
