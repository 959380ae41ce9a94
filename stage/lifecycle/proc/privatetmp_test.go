package proc

import (
	"os"
	"path/filepath"
	"testing"
)

// TestIsShared: which folders of the node's /tmp a staging sees.
func TestIsShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		mode  os.FileMode
		owner int    // of a folder; -1 = a file, 0 = whoever makes it
		holds string // a file in it
		want  bool
	}{
		"open to others":        {0o755, 0, "f", true},
		"to be entered":         {0o711, 0, "f", true},
		"for everybody":         {0o777 | os.ModeSticky, 0, "", true},
		"empty":                 {0o755, 0, "", false},
		"closed":                {0o700, 0, "f", false},
		"a file":                {0o755, -1, "", false},
		"of a build as vcap":    {0o755, vcap, "f", false},
		"of an app":             {0o755, firstUser, "f", false},
		"of the last app":       {0o777, endUser - 1, "f", false},
		"above the apps' users": {0o755, endUser, "f", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name)
			if test.owner == -1 {
				if err := os.WriteFile(path, nil, test.mode); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			if test.holds != "" {
				if err := os.WriteFile(filepath.Join(path, test.holds), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			if test.owner > 0 {
				if os.Getuid() != 0 {
					t.Skip("only root gives folders away")
				}
				if err := os.Chown(path, test.owner, -1); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := isShared(dir, info); got != test.want {
				t.Errorf("isShared = %v", got)
			}
		})
	}
}
