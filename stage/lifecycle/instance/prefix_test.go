package instance

import (
	"bytes"
	"strings"
	"testing"

	"wadi/stage/lifecycle"
)

func TestCopyLines(t *testing.T) {
	t.Parallel()
	prefix := lifecycle.SidecarPrefix("proxy")
	for name, c := range map[string]struct{ in, want string }{
		"lines":     {"a\nb\n", prefix + "a\n" + prefix + "b\n"},
		"unended":   {"a\nb", prefix + "a\n" + prefix + "b\n"},
		"empty":     {"\n", prefix + "\n"},
		"nothing":   {"", ""},
		"very long": {strings.Repeat("x", maxLine+1) + "\n", prefix + strings.Repeat("x", maxLine) + "\n" + prefix + "x\n"},
	} {
		var out bytes.Buffer
		copyLines(strings.NewReader(c.in), prefix, &out)
		if out.String() != c.want {
			t.Errorf("%s: %d bytes %.60q, want %d bytes", name, out.Len(), out.String(), len(c.want))
		}
	}
	for line, want := range map[string][2]string{
		prefix + "text":        {"proxy", "text"},
		prefix:                 {"proxy", ""},
		"[SIDECAR ] x":         {"", "[SIDECAR ] x"},
		"[SIDECAR x":           {"", "[SIDECAR x"},
		"a [SIDECAR proxy] b":  {"", "a [SIDECAR proxy] b"},
		"[SIDECAR a b] [x] yy": {"a b", "[x] yy"},
	} {
		if sidecar, rest := lifecycle.CutSidecar(line); sidecar != want[0] || rest != want[1] {
			t.Errorf("%q: %q, %q", line, sidecar, rest)
		}
	}
}
