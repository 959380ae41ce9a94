package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newInit(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first wadi.hcl for a folder",
		Long: `Write a first wadi.hcl for a folder (default: the working directory), with
comments, after a look at what is in it. Nothing is ever overwritten.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where := "."
			if len(args) > 0 {
				where = args[0]
			}
			dir, err := filepath.Abs(where)
			if err != nil {
				return fmt.Errorf("find the folder %s: %w", where, err)
			}
			return initFolder(streams, dir, shellQuote(where))
		},
	}
}

// initFolder writes the first file of a folder; where is the folder as one
// types it.
func initFolder(streams Streams, dir, where string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", dir)
	}
	if err != nil {
		return withHint(fmt.Errorf("write a first wadi.hcl: %w", err), "give the folder of your app's source")
	}
	for _, name := range []string{"wadi.hcl", "manifest.yml", "manifest.yaml"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return withHint(fmt.Errorf("%s has a %s already", dir, name), "see what it does: wadi plan %s", where)
		}
	}
	found := lookAt(os.DirFS(dir))
	path := filepath.Join(dir, "wadi.hcl")
	// O_EXCL: whatever appeared meanwhile stays
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", path)
	}
	if err != nil {
		return fmt.Errorf("write a first wadi.hcl: %w", err)
	}
	_, err = f.WriteString(firstFile(appName(dir), found))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintf(streams.Out, "Wrote %s: %s.\n\nNext:\n  wadi dev %s      runs it on a Nomad of its own\n  wadi plan %s     says what would happen on the Nomad at NOMAD_ADDR\n  wadi apply %s    makes it so\n",
		path, found.says, where, where, where)
	return err
}
