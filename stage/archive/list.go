package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Info is what the file system says of one entry of a folder.
type Info struct {
	Path     string      // slash separated, relative to the listed folder; bytes as they are
	Mode     fs.FileMode // type and permission bits
	Size     int64       // bytes
	ModNS    int64       // modification time, Unix nanoseconds
	ChangeNS int64       // time of the last change of content or metadata, Unix nanoseconds
	Dev      uint64
	Inode    uint64
	Links    uint64 // number of hard links
	Target   string // of a symbolic link, as it is
}

// ModTime is the modification time.
func (i Info) ModTime() time.Time { return time.Unix(0, i.ModNS) }

// Keep decides on the entry at path, of which only the type is known yet:
// whether it is listed, and for a folder whether it is entered. It is called
// by several goroutines at once.
type Keep func(path string, t fs.FileMode) (include, enter bool)

// keepAll lists everything.
func keepAll(string, fs.FileMode) (include, enter bool) { return true, true }

// List lists what is below dir, sorted by path (bytewise, so a folder comes
// before what it holds), without following links. What vanishes meanwhile is
// not listed; what cannot be read is an *fs.PathError with the full path.
//
// Folders are read in parallel: the walk is mostly waiting for the kernel.
func List(ctx context.Context, dir string, keep Keep) ([]Info, error) {
	l := &lister{root: dir, keep: keep}
	l.wake.L = &l.mu
	top := &folder{}
	l.todo = []*folder{top}
	stop := context.AfterFunc(ctx, func() { l.fail(context.Cause(ctx)) })
	defer stop()
	var wg sync.WaitGroup
	for range max(2, runtime.GOMAXPROCS(0)) {
		wg.Go(l.work)
	}
	wg.Wait()
	l.mu.Lock() // ctx may end just now
	err := l.err
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return top.flatten(make([]Info, 0, l.count)), nil
}

// folder is a folder while it is listed. Its nodes are sorted; a folder in it
// is two of them, itself under "name" and its content under "name/", which is
// what makes the concatenation sorted by path.
type folder struct {
	path  string
	nodes []node
}

type node struct {
	info Info
	sub  *folder // the content of a folder; info is unset
}

func (f *folder) flatten(out []Info) []Info {
	for _, n := range f.nodes {
		if n.sub != nil {
			out = n.sub.flatten(out)
		} else {
			out = append(out, n.info)
		}
	}
	return out
}

// lister hands folders to its workers until none is left.
type lister struct {
	root string
	keep Keep

	mu    sync.Mutex
	wake  sync.Cond
	todo  []*folder
	busy  int
	count int
	err   error
}

func (l *lister) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.wake.Broadcast()
}

func (l *lister) work() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.todo) == 0 && l.busy > 0 && l.err == nil {
			l.wake.Wait()
		}
		if len(l.todo) == 0 || l.err != nil {
			return
		}
		f := l.todo[len(l.todo)-1]
		l.todo = l.todo[:len(l.todo)-1]
		l.busy++
		l.mu.Unlock()
		subs, err := l.read(f)
		l.mu.Lock()
		l.busy--
		if err != nil && l.err == nil {
			l.err = err
		}
		l.todo = append(l.todo, subs...)
		l.count += len(f.nodes)
		if len(subs) != 0 || l.busy == 0 || l.err != nil {
			l.wake.Broadcast()
		}
	}
}

// read fills f and returns the folders in it that are to be entered.
func (l *lister) read(f *folder) ([]*folder, error) {
	full := l.root
	flags := os.O_RDONLY | unix.O_DIRECTORY
	if f.path != "" {
		full += "/" + f.path
		flags |= unix.O_NOFOLLOW // it was a folder when its parent was read
	}
	d, err := os.OpenFile(full, flags, 0)
	if err != nil {
		if f.path != "" && vanished(err) {
			return nil, nil
		}
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	fd := int(d.Fd())
	var subs []*folder
	for _, e := range inOrder(entries) {
		path := e.d.Name()
		if f.path != "" {
			path = f.path + "/" + path
		}
		include, enter := l.keep(path, e.d.Type())
		if e.content {
			if enter {
				sub := &folder{path: path}
				subs = append(subs, sub)
				f.nodes = append(f.nodes, node{sub: sub})
			}
			continue
		}
		if !include {
			continue
		}
		info, err := stat(fd, e.d.Name(), path)
		if vanished(err) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "stat", Path: l.root + "/" + path, Err: err}
		}
		f.nodes = append(f.nodes, node{info: info})
	}
	return subs, nil
}

// listed is an entry of a folder, or the content of a folder in it.
type listed struct {
	key     string // what it is sorted by
	d       fs.DirEntry
	content bool
}

// inOrder gives the entries of a folder, and after each folder its content, in
// the order in which List has what becomes of them.
func inOrder(entries []fs.DirEntry) []listed {
	out := make([]listed, 0, len(entries)+8)
	for _, d := range entries {
		out = append(out, listed{key: d.Name(), d: d})
		if d.IsDir() {
			out = append(out, listed{key: d.Name() + "/", d: d, content: true})
		}
	}
	slices.SortFunc(out, func(a, b listed) int { return strings.Compare(a.key, b.key) })
	return out
}

// vanished reports whether err means that the entry is no longer what its
// folder said it was.
func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

func stat(fd int, name, path string) (Info, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return Info{}, err
		}
	}
	info := infoOf(path, &st)
	if info.Mode&fs.ModeSymlink != 0 {
		target, err := readlink(fd, name, st.Size)
		if err != nil {
			return Info{}, err
		}
		info.Target = target
		info.Size = int64(len(target))
	}
	return info, nil
}

func infoOf(path string, st *unix.Stat_t) Info {
	return Info{
		Path:     path,
		Mode:     fileMode(uint32(st.Mode)),
		Size:     st.Size,
		ModNS:    st.Mtim.Nano(),
		ChangeNS: st.Ctim.Nano(),
		Dev:      uint64(st.Dev),
		Inode:    st.Ino,
		Links:    uint64(st.Nlink),
	}
}

func fileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	default: // sockets, pipes, devices
		mode |= fs.ModeIrregular
	}
	return mode
}

func readlink(fd int, name string, size int64) (string, error) {
	for n := max(int(size)+1, 64); ; n *= 2 {
		buf := make([]byte, n)
		m, err := unix.Readlinkat(fd, name, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", err
		}
		if m < n {
			return string(buf[:m]), nil
		}
		if n > 1<<20 {
			return "", fmt.Errorf("link target of more than %d bytes: %w", n, unix.ENAMETOOLONG)
		}
	}
}
