package stage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"wadi/stage/archive"
)

// Type is the kind of an Entry.
type Type byte

// The kinds of entries.
const (
	File Type = 'f'
	Link Type = 'l' // a symbolic link, kept as it is
	Dir  Type = 'd' // only in the trees of buildpacks
)

// Entry is one entry of a Tree.
type Entry struct {
	Path       string // slash separated, relative to the root; bytes as the file system has them
	Type       Type
	Executable bool   // files: the owner's x bit
	Size       int64  // files: bytes
	Link       string // links: the target as it is
	Digest     string // files: hex sha256 of the content
}

// Tree is a folder, or the content of a zip, as it would be packaged.
type Tree struct {
	Root string // the folder or zip: absolute, links resolved
	// Zip is what the file system said of the zip that Root is; nil where Root
	// is a folder.
	Zip     *archive.Info
	Entries []Entry // sorted by Path, bytewise
	// Digest is the hex sha256 over the sorted entries (path, type, x bit,
	// content, link target): no times, no umask, no archive format.
	Digest string
	Files  int   // files and links
	Bytes  int64 // sum of the files' sizes
}

// newTree makes the tree of sorted entries, without those that were not to be
// kept: sockets, which have no type, and files gone by now, which have no
// digest.
func newTree(root string, entries []Entry) *Tree {
	t := &Tree{Root: root, Entries: entries[:0]}
	for _, e := range entries {
		if e.Type == 0 || e.Type == File && e.Digest == "" {
			continue
		}
		t.Entries = append(t.Entries, e)
		if e.Type != Dir {
			t.Files++
		}
		t.Bytes += e.Size
	}
	t.Digest = t.digest()
	return t
}

// digest computes Tree.Digest. Each string goes in with its length before it,
// so that no two trees give the same bytes.
func (t *Tree) digest() string {
	h := sha256.New()
	h.Write([]byte("wadi tree 1\n"))
	var b []byte
	for _, e := range t.Entries {
		x := byte('-')
		if e.Executable {
			x = 'x'
		}
		b = append(b[:0], byte(e.Type), x)
		for _, s := range []string{e.Path, e.Digest, e.Link} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Package is a tree as a tar stream that depends on nothing but what the tree's
// Digest depends on: times are archive.Epoch, modes 0644 and 0755, the owner 0;
// each folder that holds something has an entry, as it has in archive.Items of
// what is unpacked.
type Package struct {
	zip   *archive.Info // Tree.Zip
	root  string
	items []archive.Item // sorted by path
}

// Package puts the tree below a folder of the stream; "" = none.
func (t *Tree) Package(below string) Package {
	items := make([]archive.Item, 0, len(t.Entries)+len(t.Entries)/4)
	have := map[string]bool{".": true} // folders
	for _, e := range t.Entries {
		for dir := path.Dir(e.Path); !have[dir]; dir = path.Dir(dir) {
			have[dir] = true
			items = append(items, Entry{Path: dir, Type: Dir}.item())
		}
		if e.Type == Dir {
			have[e.Path] = true
		}
		items = append(items, e.item())
	}
	slices.SortFunc(items, func(a, b archive.Item) int { return strings.Compare(a.Path, b.Path) })
	if below != "" {
		for i := range items {
			items[i].Name = below + "/" + items[i].Path
		}
	}
	return Package{zip: t.Zip, root: t.Root, items: items}
}

// Size is how many bytes Write writes.
func (p Package) Size() (int64, error) { return archive.Size(p.items) }

// Write writes the stream. Each file is hashed again as it is read; one that is
// no longer what Scan saw, or is gone, is an *archive.ChangedError, which names
// the zip where the file is in one.
func (p Package) Write(ctx context.Context, w io.Writer) error {
	if p.zip != nil {
		return writeZipPackage(ctx, w, *p.zip, p.items)
	}
	return archive.Write(ctx, w, archive.Dir(p.root), p.items)
}

// item is the entry as the stream has it.
func (e Entry) item() archive.Item {
	item := archive.Item{Path: e.Path, Mode: 0o644, Size: e.Size, ModTime: archive.Epoch, Target: e.Link, Digest: e.Digest}
	switch {
	case e.Type == Dir:
		item.Mode = fs.ModeDir | 0o755
	case e.Type == Link:
		item.Mode = fs.ModeSymlink
	case e.Executable:
		item.Mode = 0o755
	}
	return item
}
