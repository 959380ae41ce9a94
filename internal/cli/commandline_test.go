package cli

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"wadi/reconcile"
	"wadi/spec"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"":                           {},
		"ls | wc -l":                 {"ls | wc -l"},
		"ls -l /tmp/x,y":             {"ls", "-l", "/tmp/x,y"},
		"echo 'a  b' '$HOME' ''":     {"echo", "a  b", "$HOME", ""},
		`echo 'it'\''s' '~' 'A=1 x'`: {"echo", "it's", "~", "A=1 x"},
	} {
		if got := commandLine(args); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

// FuzzCommandLine asks a real shell what it makes of several arguments.
func FuzzCommandLine(f *testing.F) {
	f.Add("a  b", "it's")
	f.Add("$HOME `x` \\", "!*?[~#&|;<>(){}\"")
	f.Add("", "\n\t\x01\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			t.Skip("no argument holds a NUL")
		}
		out, err := exec.Command("/bin/bash", "-c", commandLine([]string{"printf", `%s\0`, a, b})).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(string(out), "\x00"); !slices.Equal(got, []string{a, b, ""}) {
			t.Errorf("%q, %q became %q", a, b, got)
		}
	})
}

func TestSplitInstance(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]struct {
		app   string
		index int
		ok    bool
	}{
		"shop": {"shop", 0, false}, "shop/0": {"shop", 0, true}, "shop/12": {"shop", 12, true}, "a/b/1": {"a/b", 1, true},
		"shop/x": {"shop/x", 0, false}, "shop/-1": {"shop/-1", 0, false}, "shop/": {"shop/", 0, false}, "/1": {"/1", 0, false},
		"shop/99999999999999999999": {"shop/99999999999999999999", 0, false},
	} {
		app, index, ok := splitInstance(arg)
		if app != want.app || index != want.index || ok != want.ok {
			t.Errorf("%s: %s, %d, %v", arg, app, index, ok)
		}
	}
}

func TestTaskSizes(t *testing.T) {
	t.Parallel()
	var o reconcile.TaskOptions
	if err := taskSizes(&o, "1.5G", "300M"); err != nil || o.MemoryMB != 1536 || o.DiskMB != 300 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, c := range []struct {
		memory, disk string
		timeout      time.Duration
		is           error
	}{
		{"12", "", 0, spec.ErrSizeUnit}, {"", "much", 0, spec.ErrSizeNumber}, {"1K", "", 0, errBadFlag}, {"", "-1G", 0, errBadFlag},
		{"", "", -time.Second, errBadFlag}, {"", "", 1500 * time.Millisecond, errBadFlag},
	} {
		if err := taskSizes(&reconcile.TaskOptions{Timeout: c.timeout}, c.memory, c.disk); !errors.Is(err, c.is) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestPassOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		code int
		err  error
		want int
	}{{0, nil, 0}, {7, nil, 7}, {130, nil, 130}, {0, broken, 1}, {7, broken, 1}} {
		if got := exitCode(t.Context(), passOn(c.code, c.err)); got != c.want {
			t.Errorf("%d, %v: exit code %d", c.code, c.err, got)
		}
	}
	var out strings.Builder
	printError(&out, passOn(7, nil), false, "")
	if out.String() != "" {
		t.Errorf("a command's own exit code is told as %q", out.String())
	}
}
