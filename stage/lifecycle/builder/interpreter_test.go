package builder

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCannotRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script, want string // "" = it can
	}{
		"good":                  {"#!/bin/bash\necho x\r\n", ""},
		"with an argument":      {"#! /bin/sh -e\n", ""},
		"by env":                {"#!/usr/bin/env nothing-of-this-name\n", ""}, // env says it itself
		"a program":             {"\x7fELF\r\n", ""},
		"no line":               {"#!/bin/sh", ""},
		"nothing":               {"", ""},
		"no interpreter":        {"#! \n", ""},
		"from Windows":          {"#!/bin/bash\r\necho x\r\n", "compile: no such file or directory: its lines end as on Windows"},
		"that does not mind":    {"#!/usr/bin/perl -w\r\n", ""},
		"from Windows, with -e": {"#!/bin/bash -e\r\n", "its lines end as on Windows"},
		"from Windows, by env":  {"#!/usr/bin/env bash\r\n", "its lines end as on Windows"},
		"interpreter not there": {"#!/opt/nothing/ruby -w\n", "compile: no such file or directory: it is a script for /opt/nothing/ruby, which is not on this stack"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := filepath.Join(t.TempDir(), "compile")
			write(t, script, test.script, 0o755)
			err := cannotRun(script)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && !errors.Is(err, syscall.ENOENT) {
				t.Errorf("error %v is not the kernel's", err)
			}
		})
	}
}

// TestDetectCannotRun: that a buildpack is not asked has a reason.
func TestDetectCannotRun(t *testing.T) {
	t.Parallel()
	b := build1(t, project{
		detect: true,
		buildpacks: []scripts{
			{"bin/detect": "exit 1\n"},
			{"bin/detect": "#", "bin/compile": ""}, // replaced below
			{"bin/detect": "echo last\n", "bin/compile": "", "bin/release": quietRelease},
		},
		change: func(root string) { write(t, filepath.Join(root, "bp1/bin/detect"), "#!/bin/sh\r\nexit 0\r\n", 0o755) },
	})
	if b.err != nil || !strings.HasPrefix(b.stderr, "fork/exec /bp1/bin/detect: no such file or directory: its lines end as on Windows") {
		t.Errorf("%v, stderr %q", b.err, b.stderr)
	}
}
