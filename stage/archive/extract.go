package archive

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Epoch is the time that entries of a package carry: packages are the same
// bytes whenever they are made. It is the first time a zip file can hold.
var Epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// MaxDepth bounds how deep an entry may lie: each level is an open folder.
const MaxDepth = 256

// TooDeep says whether Extract refuses a name for that, be it written as a
// folder's, with a slash at its end, or not.
func TooDeep(name string) bool { return strings.Count(strings.TrimSuffix(name, "/"), "/") > MaxDepth }

// MaxEntries bounds what a stream may hold: every entry costs an inode, and
// folders some memory until the end. The biggest apps have a third of it.
const MaxEntries = 1_000_000

// ExtractOptions says what becomes of the entries. The zero value would give
// everything to root: set UID and GID to -1 to leave the owner alone.
type ExtractOptions struct {
	UID, GID   int       // owner of everything unpacked; -1: leave
	ModTime    time.Time // given to files and folders whose time is Epoch; zero: leave
	MaxBytes   int64     // of file contents; 0 = no limit
	MaxEntries int       // 0 = MaxEntries
	// Below is the folder of the stream that is unpacked; anything beside it is
	// an *EntryError. "" = all.
	Below string
}

// Stats counts what was unpacked.
type Stats struct {
	Files int   // files and links
	Bytes int64 // of file contents
}

// Extract unpacks the tar stream r below root, and nowhere else whatever the
// stream says: names with "..", absolute names, entries below a link, hard
// links to anything but a file below root, devices, pipes, and a second entry
// of a name (but for folders) are an *EntryError; too much is a *LimitError.
// Symbolic links are created as they are, absolute and dangling ones too, and
// never followed. Modes come out exactly as in the stream, whatever the umask
// is, without setuid, setgid and sticky. Folders that are only implied get
// 0755 and the time of entries that have none, so that what is unpacked twice
// is the same; root itself keeps its mode.
//
// r is read to its end, so that a reader that verifies has seen everything.
// After an error root holds what was unpacked until then.
func Extract(ctx context.Context, r io.Reader, root *os.Root, o ExtractOptions) (Stats, error) {
	// A tar reader asks for 512 bytes at a time.
	r = bufio.NewReaderSize(&ctxReader{ctx, r}, 256<<10)
	e := &extractor{
		tar:     tar.NewReader(r),
		o:       o,
		stack:   []level{{root: root}},
		folders: map[string]folderAttr{},
		buf:     make([]byte, 256<<10),
	}
	defer e.pop(1)
	limit := cmp.Or(o.MaxEntries, MaxEntries)
	last := ""
	for n := 1; ; n++ {
		h, err := e.tar.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return e.stats, fmt.Errorf("cannot read the tar stream after entry %q: %w", last, err)
		}
		last = h.Name
		if n > limit {
			return e.stats, &LimitError{Entry: h.Name, What: "entries", Limit: int64(limit)}
		}
		if err := e.entry(h); err != nil {
			return e.stats, err
		}
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, e.buf); err != nil {
		return e.stats, fmt.Errorf("cannot read the end of the tar stream: %w", err)
	}
	return e.stats, e.finish()
}

// level is an open folder below root. It was opened as a real folder, not
// through a link, and nothing is ever removed, so it stays one.
type level struct {
	path string // "" for root itself
	root *os.Root
}

// folderAttr is what a folder gets once its content is there: before, a mode
// such as 0555 would keep the content out, and its time would not last.
type folderAttr struct {
	mode    fs.FileMode
	modTime time.Time // zero: leave
}

type extractor struct {
	tar     *tar.Reader
	o       ExtractOptions
	stack   []level // root, and the folders down to that of the last entry
	folders map[string]folderAttr
	stats   Stats
	buf     []byte
}

func (e *extractor) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, reason := LocalName(h.Name)
	if reason != "" {
		return &EntryError{Entry: h.Name, Reason: reason}
	}
	if name, reason = e.o.below(name); reason != "" {
		return &EntryError{Entry: h.Name, Reason: reason}
	}
	if name == "." {
		if h.Typeflag != tar.TypeDir {
			return &EntryError{Entry: h.Name, Reason: "it is the folder to unpack, and no folder"}
		}
		return nil
	}
	dir, base := path.Split(name)
	parent, err := e.enter(h.Name, strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return e.dir(h, parent, name, base)
	case tar.TypeReg, tar.TypeGNUSparse:
		return e.file(h, parent, base)
	case tar.TypeSymlink:
		return e.symlink(h, parent, base)
	case tar.TypeLink:
		return e.hardLink(h, name)
	}
	return &EntryError{Entry: h.Name, Reason: fmt.Sprintf("entries of type %q (devices, pipes) are never unpacked", h.Typeflag)}
}

// below gives the name relative to the folder that is unpacked, or the reason
// why it is refused.
func (o ExtractOptions) below(name string) (rest, reason string) {
	switch {
	case o.Below == "":
		return name, ""
	case name == o.Below:
		return ".", ""
	case !within(name, o.Below):
		return "", fmt.Sprintf("it lies outside of %q", o.Below)
	}
	return name[len(o.Below)+1:], ""
}

// LocalName gives the clean name of an archive's entry, slash separated and
// relative, or the reason why it is refused. The name of the folder itself is
// ".".
func LocalName(name string) (clean, reason string) {
	switch {
	case name == "":
		return "", "it has no name"
	case strings.HasPrefix(name, "/"):
		return "", "its name is absolute"
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", `its name has ".." in it`
	case TooDeep(name):
		return "", fmt.Sprintf("it lies more than %d folders deep", MaxDepth)
	}
	return path.Clean(name), ""
}

// pop closes the levels from n on.
func (e *extractor) pop(n int) {
	for _, l := range e.stack[n:] {
		l.root.Close()
	}
	e.stack = e.stack[:n]
}

// enter opens the folder dir of the entry, making what is missing.
func (e *extractor) enter(entry, dir string) (*os.Root, error) {
	n := len(e.stack)
	for n > 1 && !within(dir, e.stack[n-1].path) {
		n--
	}
	e.pop(n)
	top := e.stack[n-1]
	if dir == top.path {
		return top.root, nil
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(dir[len(top.path):], "/"), "/") {
		sub := path.Join(top.path, name)
		made, err := makeDir(top.root, name)
		if err != nil {
			return nil, &EntryError{Entry: entry, Reason: fmt.Sprintf("cannot enter %q", sub), Err: err}
		}
		if made {
			e.folders[sub] = folderAttr{mode: 0o755, modTime: cmp.Or(e.o.ModTime, Epoch)}
		}
		opened, err := top.root.OpenRoot(name)
		if err != nil {
			return nil, &EntryError{Entry: entry, Reason: fmt.Sprintf("cannot enter %q", sub), Err: err}
		}
		top = level{path: sub, root: opened}
		e.stack = append(e.stack, top)
	}
	return top.root, nil
}

// within reports whether dir is base or lies below it.
func within(dir, base string) bool {
	return dir == base || strings.HasPrefix(dir, base) && dir[len(base)] == '/'
}

// errNotDir says that a name is taken by something else than a folder.
var errNotDir = errors.New("it is there already and not a folder; links are not followed")

// makeDir makes the folder name in r, or finds that it is one: made is false.
func makeDir(r *os.Root, name string) (made bool, err error) {
	err = r.Mkdir(name, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	info, err := r.Lstat(name)
	if err == nil && !info.IsDir() {
		err = errNotDir
	}
	return false, err
}

func (e *extractor) dir(h *tar.Header, parent *os.Root, name, base string) error {
	if _, err := makeDir(parent, base); err != nil {
		return &EntryError{Entry: h.Name, Reason: "cannot make the folder", Err: err}
	}
	e.folders[name] = folderAttr{mode: perm(h), modTime: e.time(h)}
	return nil
}

func (e *extractor) file(h *tar.Header, parent *os.Root, base string) error {
	if e.o.MaxBytes > 0 && h.Size > e.o.MaxBytes-e.stats.Bytes {
		return &LimitError{Entry: h.Name, What: "bytes", Limit: e.o.MaxBytes}
	}
	f, err := parent.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return taken(h, "cannot make the file", err)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, e.tar, e.buf)
	e.stats.Bytes += n
	reason := "cannot copy its content"
	if err == nil {
		reason = "cannot finish the file"
	}
	if err == nil && e.owns() {
		err = f.Chown(e.o.UID, e.o.GID)
	}
	if err == nil {
		err = f.Chmod(perm(h))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if t := e.time(h); err == nil && !t.IsZero() {
		err = parent.Chtimes(base, t, t)
	}
	if err != nil {
		return &EntryError{Entry: h.Name, Reason: reason, Err: err}
	}
	e.stats.Files++
	return nil
}

func (e *extractor) symlink(h *tar.Header, parent *os.Root, base string) error {
	err := parent.Symlink(h.Linkname, base)
	if err == nil && e.owns() {
		err = parent.Lchown(base, e.o.UID, e.o.GID)
	}
	if err != nil {
		return taken(h, "cannot make the link", err)
	}
	e.stats.Files++
	return nil
}

func (e *extractor) hardLink(h *tar.Header, name string) error {
	root := e.stack[0].root
	target, reason := LocalName(h.Linkname)
	if reason == "" {
		target, reason = e.o.below(target)
	}
	if reason != "" {
		return &EntryError{Entry: h.Name, Reason: fmt.Sprintf("of the file %q that it links to: %s", h.Linkname, reason)}
	}
	for i := 0; i <= len(target); i++ {
		if i < len(target) && target[i] != '/' {
			continue
		}
		info, err := root.Lstat(target[:i])
		if err != nil {
			return &EntryError{Entry: h.Name, Reason: fmt.Sprintf("the file %q that it links to is not there", h.Linkname), Err: err}
		}
		if i < len(target) && !info.IsDir() || i == len(target) && !info.Mode().IsRegular() {
			return &EntryError{Entry: h.Name, Reason: fmt.Sprintf("it links to %q, which is not a file, or only through a link", h.Linkname)}
		}
	}
	if err := root.Link(target, name); err != nil {
		return taken(h, "cannot make the hard link", err)
	}
	e.stats.Files++
	return nil
}

// taken is the error of an entry whose name may be in use.
func taken(h *tar.Header, what string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return &EntryError{Entry: h.Name, Reason: "its name is there already: twice in the stream, or the folder was not empty", Err: err}
	}
	return &EntryError{Entry: h.Name, Reason: what, Err: err}
}

func (e *extractor) owns() bool { return e.o.UID >= 0 || e.o.GID >= 0 }

func perm(h *tar.Header) fs.FileMode { return fs.FileMode(h.Mode) & fs.ModePerm }

// time is the time an entry gets; zero: leave.
func (e *extractor) time(h *tar.Header) time.Time {
	if h.ModTime.Equal(Epoch) && !e.o.ModTime.IsZero() {
		return e.o.ModTime
	}
	return h.ModTime
}

// finish gives folders their owner, mode and time, the deepest first: a
// parent may then close itself.
func (e *extractor) finish() error {
	e.pop(1)
	root := e.stack[0].root
	names := make([]string, 0, len(e.folders))
	for name := range e.folders {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		a := e.folders[name]
		var err error
		if e.owns() {
			err = root.Lchown(name, e.o.UID, e.o.GID)
		}
		if err == nil {
			err = root.Chmod(name, a.mode)
		}
		if err == nil && !a.modTime.IsZero() {
			err = root.Chtimes(name, a.modTime, a.modTime)
		}
		if err != nil {
			return &EntryError{Entry: name, Reason: "cannot finish the folder", Err: err}
		}
	}
	return nil
}
