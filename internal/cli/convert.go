package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"wadi/spec"
)

func newConvert(streams Streams) *cobra.Command {
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "convert [PATH]",
		Short: "Turn a manifest.yml into HCL, or HCL into a manifest.yml",
		Long: `Turn a manifest.yml into HCL that requests the same apps, or the HCL files of
a folder into a manifest.yml, and print it.

PATH is a file, or a folder that has files of one of the two (default: the
working directory). Variables stay variables and need no values; comments are
kept. What the other language has no place for is left out with a warning;
what it could only say wrongly is an error, and nothing is printed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadSettings(cmd, args)
			if err != nil {
				return err
			}
			return s.convert(cmd, streams, out, force)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to the `file`; relative paths in it start at its folder then")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file of --out")
	addFlags(cmd, keyApp, keyVar, keyVarsFile)
	return cmd
}

func (s settings) convert(cmd *cobra.Command, streams Streams, out string, force bool) error {
	outDir := ""
	if out != "" {
		target, err := filepath.Abs(out)
		if err != nil {
			return fmt.Errorf("find the folder of %s: %w", out, err)
		}
		if outDir, err = filepath.EvalSymlinks(filepath.Dir(target)); err != nil {
			return withHint(fmt.Errorf("write %s: %w", out, err), "make the folder first")
		}
	}
	conversion, diags := spec.Convert(cmd.Context(), s.reading(spec.OSFS()), outDir)
	if err := spec.WriteText(streams.Err, diags, s.Dir, s.color(streams.Err)); err != nil {
		return err
	}
	switch {
	case diags.HasErrors():
		return errReported
	case out == "":
		_, err := streams.Out.Write(conversion.Text)
		return err
	}
	return writeConversion(streams, conversion, out, force)
}

// writeConversion writes the result to a file and says what comes next.
func writeConversion(streams Streams, conversion spec.Conversion, out string, force bool) error {
	if conversion.Manifest == strings.HasSuffix(out, ".hcl") {
		want := "wadi.hcl"
		if conversion.Manifest {
			want = "manifest.yml"
		}
		return withHint(fmt.Errorf("%s is the wrong name: %s becomes a %s", out, filepath.Base(conversion.Source), want), "see which way it goes: the language of PATH decides")
	}
	if force {
		if _, err := os.Stat(out); err == nil {
			if err := replaceFile(out, conversion.Text); err != nil {
				return err
			}
			return sayConverted(streams, conversion, out)
		}
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("%s exists already", out), "overwrite it with --force, or give another name")
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	_, err = f.Write(conversion.Text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return sayConverted(streams, conversion, out)
}

func sayConverted(streams Streams, conversion spec.Conversion, out string) error {
	next := "Try it:  wadi validate " + shellQuote(out)
	if target, err := filepath.Abs(out); err == nil && filepath.Dir(target) == filepath.Dir(conversion.Source) {
		next = fmt.Sprintf("A folder's files are read together, so its apps are described twice now: try it with wadi plan %s,\nthen remove %s.",
			shellQuote(out), filepath.Base(conversion.Source))
	}
	_, err := fmt.Fprintf(streams.Out, "Wrote %s.\n\n%s\n", out, next)
	return err
}
