package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"wadi/stage/lifecycle"
)

// pinLocal pins a folder, or an archive, on the disk.
func (b *Buildpacks) pinLocal(ctx context.Context, pin BuildpackPin, path, sum string) (BuildpackPin, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode().IsRegular():
		return b.pinArchive(ctx, pin, path, sum)
	case err == nil && sum != "":
		return pin, &BuildpackError{Name: pin.Key, Reason: "sha256 is of an archive, and " + path + " is a folder: remove it, or give the archive"}
	}
	return pinFolder(ctx, pin, path, b.Cache)
}

func (b *Buildpacks) pinArchive(ctx context.Context, pin BuildpackPin, path, sum string) (BuildpackPin, error) {
	dir, err := b.Store.Unpack(ctx, path, sum)
	if err != nil {
		return pin, named(pin, err)
	}
	if pin.Tree, err = b.scan(ctx, pin, dir, path); err != nil {
		return pin, err
	}
	pin.Digest = pin.Tree.Digest
	return pin, nil
}

// pinFolder scans the buildpack in folder, or in the only folder in it, as
// archives of repositories have it.
func pinFolder(ctx context.Context, pin BuildpackPin, folder, cache string) (BuildpackPin, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return pin, &MalformedBuildpackError{Name: pin.Key, Folder: folder, Reason: "it is a device, pipe or socket: name a folder or an archive"}
	}
	root, err := buildpackRoot(folder)
	if err != nil {
		return pin, named(pin, err)
	}
	if root == "" {
		return pin, &MalformedBuildpackError{Name: pin.Key, Folder: folder,
			Reason: "it has no folder bin, nor a single folder that has one: name the folder that holds bin/detect and the like"}
	}
	pin.Tree, err = Scan(ctx, root, ScanOptions{Cache: cache, MaxBytes: pin.MaxBytes})
	if err != nil {
		return pin, named(pin, err)
	}
	for _, e := range pin.Tree.Entries {
		if e.Type == File && !e.Executable && slices.Contains(lifecycle.Scripts(), e.Path) {
			script := filepath.Join(root, e.Path)
			return pin, &MalformedBuildpackError{Name: pin.Key, Folder: folder,
				Reason: fmt.Sprintf("%s is not executable: run chmod +x %s", e.Path, script)}
		}
	}
	pin.Digest = pin.Tree.Digest
	return pin, nil
}

// buildpackRoot finds the folder that has bin/, "" if there is none.
func buildpackRoot(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: check the path", err)
	}
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if hasBin(folder) {
		return folder, nil
	}
	if len(entries) == 1 && entries[0].IsDir() {
		if nested := filepath.Join(folder, entries[0].Name()); hasBin(nested) {
			return nested, nil
		}
	}
	return "", nil
}

func hasBin(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, "bin"))
	return err == nil && info.IsDir()
}
