package nomad

import (
	"bytes"
	"strings"
	"testing"
)

func TestLogEnd(t *testing.T) {
	t.Parallel()
	const last = "Exit status "
	long := strings.Repeat("x", 2*keptEnd)
	for name, c := range map[string]struct {
		parts []string
		want  bool
	}{
		"nothing":          {nil, false},
		"the only line":    {[]string{"Exit status 0\n"}, true},
		"the last line":    {[]string{"err\nExit status 7\n"}, true},
		"in parts":         {[]string{"err\nExit st", "atus 7\n"}, true},
		"after a lot":      {[]string{long, long + "\n", "Exit status 7\n"}, true},
		"in one with that": {[]string{long + "\nExit status 7\n"}, true},
		"one more after":   {[]string{"err\nExit status 7\nkilled\n"}, true},
		"long ago":         {[]string{"Exit status 7\n", long + "\n"}, false},
		"not a line":       {[]string{"err\nits Exit status 7\n"}, false},
	} {
		var end logEnd
		var got bytes.Buffer
		for _, part := range c.parts {
			if n, err := end.of(&got).Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
		}
		if end.has(last) != c.want || got.String() != strings.Join(c.parts, "") {
			t.Errorf("%s: %v, %d bytes passed on", name, !c.want, got.Len())
		}
	}
}
