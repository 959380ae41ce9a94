package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/remote"
)

// download puts the buildpack of a URL into dir, unless it is there already.
func (o options) download(ctx context.Context, key, dir string, stdout *os.File) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	address, err := remote.Parse(key)
	if err != nil {
		return &builder.Error{Code: exitFailed, Msg: "Invalid buildpack url", Err: err}
	}
	size, err := fetch(ctx, address, dir)
	if err != nil {
		msg := fmt.Sprintf("Failed to download buildpack '%s'", address.Shown)
		if address.Kind == remote.Git {
			msg = "Failed to clone git repository at " + address.Shown
		}
		return &builder.Error{Code: exitFailed, Msg: msg, Err: err}
	}
	if address.Kind == remote.Archive {
		fmt.Fprintf(stdout, "Downloaded buildpack `%s` (%s)\n", address.Shown, lifecycle.FormatSize(size))
	}
	return nil
}

// fetch gets what the address is now; size is that of an archive, in bytes.
func fetch(ctx context.Context, address remote.Address, dir string) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return 0, err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = remove.All(temp) }() // the next build makes another
	store := remote.Store{Dir: temp}
	pin, err := store.Pin(ctx, address, "")
	if err != nil {
		return 0, err
	}
	size = store.Size(pin)
	tree, err := store.Fetch(ctx, pin)
	if err != nil {
		return 0, err
	}
	return size, os.Rename(tree, dir)
}
