package proc

import "testing"

func TestAddAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"beside others":      {"root:x:0:0::/root:/bin/sh\n", "vcap:x:7:7\nroot:x:0:0::/root:/bin/sh\n"},
		"nobody":             {"", "vcap:x:7:7\n"},
		"in place of vcap":   {"root:x:0\nvcap:x:2000\nvcapper:x:5\n", "vcap:x:7:7\nroot:x:0\nvcapper:x:5\n"},
		"without a last end": {"root:x:0", "vcap:x:7:7\nroot:x:0"},
	} {
		if got := string(addAccount([]byte(c.file), []string{"7", "7"})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
