package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"wadi/spec"
)

func newFmt(streams Streams) *cobra.Command {
	var f formatter
	cmd := &cobra.Command{
		Use:   "fmt [PATH… | -]",
		Short: "Rewrite HCL files in the canonical style",
		Long: `Rewrite HCL files in the canonical style of HashiCorp's tools, and print the
names of those that changed. What they say stays as it is.

PATH is a file, or a folder (default: the working directory) with wadi.hcl,
*.wadi.hcl or *.wadivars; folders below it are not looked into. "-" formats
stdin to stdout. A file with a syntax error stays as it is, and so does every
manifest.yml.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			f.streams, f.dir, f.color = streams, s.Dir, s.color(streams.Err)
			return f.run(args)
		},
		Annotations: map[string]string{exitCodes: "       with --check also: a file is not in the canonical style"},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; print the names, and exit 1 if there are any")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "write nothing; print what would change")
	return cmd
}

// formatter formats the files of one command line.
type formatter struct {
	streams     Streams
	dir         string // the working directory
	color       bool
	check, diff bool
	changed     int
	failed      bool
}

func (f *formatter) run(args []string) error {
	if len(args) == 1 && args[0] == "-" {
		return f.stdin()
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	files, err := formattable(args)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := f.file(name); err != nil {
			return err
		}
	}
	return f.verdict()
}

// verdict is the end of a run: whatever is wrong was said.
func (f *formatter) verdict() error {
	if f.failed || f.check && f.changed > 0 {
		return errReported
	}
	return nil
}

// stdin formats what it reads there to stdout.
func (f *formatter) stdin() error {
	text, err := io.ReadAll(f.streams.In)
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	out, ok := f.format("<stdin>", text)
	if !ok {
		return f.verdict()
	}
	if f.check || f.diff {
		if err := f.tell("<stdin>", text, out); err != nil {
			return err
		}
		return f.verdict()
	}
	_, err = f.streams.Out.Write(out)
	return err
}

// file formats one file in place.
func (f *formatter) file(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	out, ok := f.format(name, text)
	if !ok || bytes.Equal(text, out) {
		return nil
	}
	if !f.check && !f.diff {
		if err := replaceFile(name, out); err != nil {
			return err
		}
	}
	return f.tell(name, text, out)
}

// format answers the formatted text; false if it does not parse, which is
// said.
func (f *formatter) format(name string, text []byte) ([]byte, bool) {
	out, diags := spec.FormatHCL(name, text)
	if diags.HasErrors() {
		f.failed = true
		// no place is left to report a failure of stderr
		_ = spec.WriteText(f.streams.Err, diags, f.dir, f.color)
		return nil, false
	}
	return out, true
}

// tell prints the name of a file that changes, and with --diff its lines.
func (f *formatter) tell(name string, text, out []byte) error {
	if bytes.Equal(text, out) {
		return nil
	}
	f.changed++
	message := []byte(name + "\n")
	if f.diff {
		message = diff.Diff(name, text, name+" (formatted)", out)
	}
	_, err := f.streams.Out.Write(message)
	return err
}

// formattable are the files that paths mean: each once, folders by what wadi
// reads of them.
func formattable(paths []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	add := func(name string) {
		if clean := filepath.Clean(name); !seen[clean] {
			seen[clean] = true
			out = append(out, clean)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, withHint(fmt.Errorf("format: %w", err), "give HCL files, or the folders that hold them")
		case info.IsDir():
			entries, err := os.ReadDir(path)
			if err != nil {
				return nil, fmt.Errorf("format: %w", err)
			}
			for _, e := range entries {
				if name := e.Name(); name == "wadi.hcl" || strings.HasSuffix(name, ".wadi.hcl") || strings.HasSuffix(name, ".wadivars") {
					add(filepath.Join(path, name))
				}
			}
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("format: %s is not a plain file", path)
		case !strings.HasSuffix(path, ".hcl") && !strings.HasSuffix(path, ".wadivars"):
			return nil, withHint(fmt.Errorf("format: %s is not HCL", path), "fmt formats *.hcl and *.wadivars; manifests stay as they are")
		default:
			add(path)
		}
	}
	return out, nil
}
