package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// notifier listens to the events of folders. The kernel's watches are of one
// folder each, so the folders of a tree are watched one by one.
type notifier struct {
	w       *fsnotify.Watcher
	folders map[string]bool // that are watched
}

func newNotifier() (*notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &notifier{w: w, folders: map[string]bool{}}, nil
}

// watch watches the folders of the set, and no others. The error is a limit.
func (n *notifier) watch(ctx context.Context, set Set) error {
	before := n.folders
	n.folders = map[string]bool{}
	for _, file := range set.Files {
		if err := n.addAbove(file); err != nil {
			return err
		}
	}
	for _, t := range set.Trees {
		if err := n.addTree(ctx, t, "."); err != nil {
			return err
		}
	}
	for folder := range before {
		if !n.folders[folder] {
			if err := n.remove(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// addAbove watches the folder of a file, or the nearest one above it that is
// there. One below that may have come before the watch began, without an
// event: it is looked for again until there is none.
func (n *notifier) addAbove(file string) error {
	for watched := ""; ; {
		folder, _ := existing(filepath.Dir(file))
		if folder == watched {
			return nil
		}
		if err := n.add(folder); err != nil {
			return err
		}
		watched = folder
	}
}

// add watches one folder. What cannot be read or is gone is no error:
// whoever reads the files says so.
func (n *notifier) add(folder string) error {
	n.folders[folder] = true
	err := n.w.Add(folder)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// addTree watches the folder rel of a tree and what is below. A folder is
// watched before it is read, so that nothing can come in between. A folder may
// be huge: it ends when ctx does.
func (n *notifier) addTree(ctx context.Context, t Tree, rel string) error {
	folder := filepath.Join(t.Root, rel)
	if err := n.add(folder); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil || ctx.Err() != nil {
		return nil // as above, or it is over
	}
	for _, e := range entries {
		path := filepath.ToSlash(filepath.Join(rel, e.Name()))
		if e.IsDir() && t.enters(path) {
			if err := n.addTree(ctx, t, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove ends the watching of a folder, which may have ended with the folder.
func (n *notifier) remove(folder string) error {
	delete(n.folders, folder)
	err := n.w.Remove(folder)
	if errors.Is(err, fsnotify.ErrNonExistentWatch) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// take says whether an event counts, and watches the folders that came with
// it. The error is a limit.
func (n *notifier) take(ctx context.Context, e fsnotify.Event, set Set) (counts bool, err error) {
	info, statErr := os.Lstat(e.Name)
	gone := statErr != nil
	var mode fs.FileMode
	if !gone {
		mode = info.Mode()
	}
	if (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) && n.folders[e.Name] {
		if err := n.left(e.Name); err != nil {
			return true, err
		}
	}
	if counts = set.counts(e.Name, mode, gone); counts && mode.IsDir() {
		err = n.came(ctx, e.Name, set)
	}
	return counts, err
}

// left ends the watching of a folder that is gone and of all below it: if it
// was moved they would go on telling their old names.
func (n *notifier) left(gone string) error {
	for folder := range n.folders {
		if folder == gone || below(gone, folder) {
			if err := n.remove(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// came watches what the set has in a folder that is new.
func (n *notifier) came(ctx context.Context, folder string, set Set) error {
	for _, file := range set.Files {
		if file == folder || below(folder, file) {
			return n.watch(ctx, set)
		}
	}
	for _, t := range set.Trees {
		rel, err := filepath.Rel(t.Root, folder)
		if err == nil && t.counts(folder, fs.ModeDir, false) {
			if err := n.addTree(ctx, t, filepath.ToSlash(rel)); err != nil {
				return err
			}
		}
	}
	return nil
}
