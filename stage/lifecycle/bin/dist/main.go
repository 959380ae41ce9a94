// Command dist puts the lifecycle for every architecture into its own folder,
// from where a build of wadi with the tag "release" embeds it. Run it in the
// module's root.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"wadi/stage/lifecycle/bin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, filepath.Join("stage", "lifecycle", "bin", "dist")); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dist string) error {
	cache, err := os.MkdirTemp("", "wadi-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	for _, arch := range []string{"amd64", "arm64"} {
		binary, err := bin.Open(ctx, cache, arch)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(binary.Path)
		if err != nil {
			return err
		}
		path := filepath.Join(dist, "lifecycle-linux-"+arch+".tgz")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("%w: run this in the root of wadi's sources", err)
		}
		fmt.Printf("%s  %s  %d bytes\n", path, binary.SHA256, binary.Size)
	}
	return nil
}
