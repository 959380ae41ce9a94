package archive

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Item is one entry of a stream to be written.
type Item struct {
	Path    string      // slash separated, relative to the folder
	Name    string      // in the stream; "" = Path
	Mode    fs.FileMode // type (file, folder, symbolic link) and permission bits
	Size    int64       // bytes that a file is expected to have
	ModTime time.Time   // written in whole seconds
	Target  string      // of a symbolic link
	Same    string      // the name in the stream of an earlier file of which this is another (hard link)
	// Digest is the hex sha256 that a file must still have; "" = take it as
	// it is now.
	Digest string
}

// Items lists the folder dir so that Write makes the same bytes of the same
// folder: sorted, owner 0, permission bits kept (setuid, setgid and sticky are
// not), times of files and folders in whole seconds, symbolic links as they
// are (with the time Epoch: nothing can set theirs when unpacking), hard links
// within the folder kept. Sockets, devices and pipes are left out. The folder
// itself is no entry.
func Items(ctx context.Context, dir string) ([]Item, error) {
	infos, err := List(ctx, dir, keepAll)
	if err != nil {
		return nil, fmt.Errorf("cannot list the folder to archive: %w", err)
	}
	type id struct{ dev, inode uint64 }
	first := map[id]string{}
	items := make([]Item, 0, len(infos))
	for _, i := range infos {
		item := Item{Path: i.Path, Mode: i.Mode, Size: i.Size, ModTime: i.ModTime(), Target: i.Target}
		switch {
		case i.Mode.IsRegular():
			if i.Links > 1 {
				n := id{i.Dev, i.Inode}
				if same, ok := first[n]; ok {
					item.Same, item.Size = same, 0
				} else {
					first[n] = i.Path
				}
			}
		case i.Mode&fs.ModeSymlink != 0:
			item.ModTime = Epoch
		case !i.Mode.IsDir():
			continue
		}
		items = append(items, item)
	}
	return items, nil
}

// Write writes the items, in the order given, with the content that their
// files have in from, as a tar stream. Small files are read ahead by
// several goroutines; memory stays at a few MiB. A file that grows meanwhile
// is cut at the size it had, unless its item has a digest; any other that is
// not what its item says is a *ChangedError.
func Write(ctx context.Context, w io.Writer, from Source, items []Item) error {
	ctx, cancel := context.WithCancel(ctx)
	ahead := readAhead(ctx, from, items)
	defer ahead.wait()
	defer cancel()
	out := bufio.NewWriterSize(w, 256<<10)
	s := &stream{tar: tar.NewWriter(out), from: from, buf: make([]byte, 256<<10)}
	for b := range ahead.batches {
		select {
		case <-b.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for i, item := range b.items {
			if err := s.put(ctx, item, b.files[i]); err != nil {
				return err
			}
		}
		b.release()
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := s.tar.Close(); err != nil {
		return fmt.Errorf("cannot write the end of the stream: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("cannot write the stream: %w", err)
	}
	return nil
}

// blockSize is what every entry of a tar stream is a multiple of; two empty
// blocks are its end.
const blockSize = 512

// Size is how many bytes Write writes of the items.
func Size(items []Item) (int64, error) {
	var heads countWriter
	total := int64(2 * blockSize)
	for _, item := range items {
		// a writer an entry: it refuses a header before the content of the last
		if err := tar.NewWriter(&heads).WriteHeader(header(item)); err != nil {
			return 0, fmt.Errorf("cannot write entry %q: %w", item.Path, err)
		}
		if hasContent(item) {
			total += (item.Size + blockSize - 1) / blockSize * blockSize
		}
	}
	return total + int64(heads), nil
}

type countWriter int64

func (c *countWriter) Write(p []byte) (int, error) {
	*c += countWriter(len(p))
	return len(p), nil
}

// stream writes entries.
type stream struct {
	tar  *tar.Writer
	from Source
	buf  []byte
}

// put writes one item; small files have been loaded.
func (s *stream) put(ctx context.Context, item Item, f loaded) error {
	if f.err != nil {
		return f.err
	}
	if err := s.tar.WriteHeader(header(item)); err != nil {
		return fmt.Errorf("cannot write entry %q: %w", item.Path, err)
	}
	if !hasContent(item) {
		return nil
	}
	if item.Size > smallFile {
		return s.copy(ctx, item)
	}
	if _, err := s.tar.Write(f.data); err != nil {
		return fmt.Errorf("cannot write entry %q: %w", item.Path, err)
	}
	return nil
}

// hasContent reports whether the item is a file that brings its own bytes.
func hasContent(item Item) bool { return item.Mode.IsRegular() && item.Same == "" }

func header(item Item) *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     cmp.Or(item.Name, item.Path),
		Mode:     int64(item.Mode.Perm()),
		Size:     item.Size,
		ModTime:  item.ModTime.Truncate(time.Second),
	}
	switch {
	case item.Mode.IsDir():
		h.Typeflag, h.Name, h.Size = tar.TypeDir, h.Name+"/", 0
	case item.Mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname, h.Size, h.Mode = tar.TypeSymlink, item.Target, 0, 0o777
	case item.Same != "":
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, item.Same, 0
	}
	return h
}

// copy streams a file that is too big to be read ahead.
func (s *stream) copy(ctx context.Context, item Item) error {
	f, err := s.from.Open(item.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	var to io.Writer = s.tar
	if item.Digest != "" {
		to = io.MultiWriter(s.tar, sum)
	}
	n, err := io.CopyBuffer(to, struct{ io.Reader }{io.LimitReader(&ctxReader{ctx, f}, item.Size)}, s.buf)
	if err != nil {
		return fmt.Errorf("cannot copy entry %q: %w", item.Path, err)
	}
	if n != item.Size {
		return &ChangedError{Path: item.Path}
	}
	if item.Digest == "" {
		return nil
	}
	if m, err := f.Read(s.buf[:1]); m != 0 || err != io.EOF || hex.EncodeToString(sum.Sum(nil)) != item.Digest {
		return &ChangedError{Path: item.Path}
	}
	return nil
}

// ctxReader ends reading when its context ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
