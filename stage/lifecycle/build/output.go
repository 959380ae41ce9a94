package build

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wadi/stage/archive"
)

// tree is the content of an archive: one folder at "./", or that folder with
// another one, the app's, as its "app".
type tree struct {
	dir string
	app string // "" = none
}

// appPath is where the app lies in a droplet.
const appPath = "./app"

// Open implements archive.Source for the paths of items.
func (t tree) Open(path string) (io.ReadCloser, error) {
	if rest, ok := strings.CutPrefix(path, appPath+"/"); ok && t.app != "" {
		return archive.Dir(t.app).Open(rest)
	}
	return archive.Dir(t.dir).Open(path)
}

// items lists the tree as tar does that packs the folder ".": every name
// begins with "./", and the folder itself comes first.
func (t tree) items(ctx context.Context) ([]archive.Item, error) {
	items, err := below(ctx, ".", t.dir)
	if err != nil || t.app == "" {
		return items, err
	}
	app, err := below(ctx, appPath, t.app)
	if err != nil {
		return nil, err
	}
	for _, item := range items[1:] {
		if item.Path != appPath && !strings.HasPrefix(item.Path, appPath+"/") {
			app = append(app, item)
		}
	}
	return append(items[:1], app...), nil
}

// below lists dir, named prefix, and all that it holds.
func below(ctx context.Context, prefix, dir string) ([]archive.Item, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", dir)
	}
	inside, err := archive.Items(ctx, dir)
	if err != nil {
		return nil, err
	}
	items := make([]archive.Item, 0, len(inside)+1)
	items = append(items, archive.Item{Path: prefix, Mode: fs.ModeDir | info.Mode().Perm(), ModTime: info.ModTime()})
	for _, item := range inside {
		item.Path = prefix + "/" + item.Path
		if item.Same != "" {
			item.Same = prefix + "/" + item.Same
		}
		items = append(items, item)
	}
	return items, nil
}

// write packs the tree into file: whole, or not at all. What is there and no
// regular file (a pipe, say, or a link) is written through, as Cloud Foundry
// does; then half of the tree may be left.
func (t tree) write(ctx context.Context, file string, c compression) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	items, err := t.items(ctx)
	if err != nil {
		return err
	}
	c = c.of(file)
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		out, err := openThrough(file, info)
		if err != nil {
			return err
		}
		return finish(out, t.pack(ctx, out, items, c))
	}
	out, err := createBeside(file)
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // it is gone once it has its name
	if err := finish(out, t.pack(ctx, out, items, c)); err != nil {
		return err
	}
	return os.Rename(out.Name(), file)
}

// openThrough opens what is at file. It refuses a link by which somebody may
// have us replace what only we can write: that which the kernel refuses where
// fs.protected_symlinks is set.
func openThrough(file string, info os.FileInfo) (*os.File, error) {
	if info.Mode().Type() != os.ModeSymlink {
		return os.OpenFile(file, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	}
	dir, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	shared := dir.Mode()&os.ModeSticky != 0 && dir.Mode().Perm()&0o002 != 0
	if owner := ownerOf(info); shared && int(owner) != os.Geteuid() && owner != ownerOf(dir) {
		return nil, fmt.Errorf("%s is a link that another user (uid %d) has put there: remove it, or have this written elsewhere", file, owner)
	}
	return os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
}

func ownerOf(info os.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// createBeside makes a temporary file in the folder of file, with the mode that
// the caller's umask gives.
func createBeside(file string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(file), ".new-"+rand.Text())
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (t tree) pack(ctx context.Context, w io.Writer, items []archive.Item, c compression) error {
	compressed, err := c.writer(w)
	if err != nil {
		return err
	}
	return finish(compressed, archive.Write(ctx, compressed, t, items))
}

// finish closes what was written to, where err is how that went.
func finish(c io.Closer, err error) error {
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	return err
}
