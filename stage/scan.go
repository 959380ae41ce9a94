package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"wadi/stage/archive"
)

// ScanOptions says what of a folder or zip counts.
type ScanOptions struct {
	// Ignore applies Cloud Foundry's rules for apps: .cfignore and the
	// defaults; folders themselves are no entries. Without it (buildpacks)
	// only .git is left out, and folders are entries.
	Ignore bool
	// Exclude is absolute paths of files that are never packaged: what wadi
	// itself read, which is never inside of a zip.
	Exclude []string
	// Cache is a folder for stat caches, made if need be; "" = none. A cache
	// only makes scanning faster: it may be deleted at any time, and one that
	// cannot be read or written is done without.
	Cache string
	// MaxBytes is what the files of a folder may come to; 0 = no limit.
	MaxBytes int64
}

// NoFilesError says, in Cloud Foundry's words, that there is nothing to push.
type NoFilesError struct {
	Path string
	Hint string // what to do about it, where it is not the usual
}

func (e *NoFilesError) Error() string {
	hint := cmp.Or(e.Hint, "check `path`, and what "+ignoreFile+" leaves out")
	return fmt.Sprintf("No app files found in '%s': %s", e.Path, hint)
}

// Scan lists and fingerprints the folder source, which may be a link to one;
// links in it are entries and are not followed. Sockets, devices and pipes
// are left out, and so is what vanishes meanwhile.
//
// With Ignore the source may also be a zip (a jar, war or ear is one; what it
// holds decides, not its name). It is pushed as its content, as by cf: its
// .cfignore, the first entry whose name ends so, comes after the defaults, all
// files are executable (cf sets 0744), and one entry alone is none. It is
// neither unpacked nor held in memory. It may hold 1 GiB, a folder MaxBytes.
//
// Errors: fs.ErrNotExist, *NoFilesError (with Ignore only), *TooBigError,
// *TooDeepError, *NotZipError, *ZipError, *archive.ChangedError (a zip), and what cannot be read.
func Scan(ctx context.Context, source string, o ScanOptions) (*Tree, error) {
	root, info, err := resolveSource(source)
	if err != nil {
		return nil, err
	}
	s := &scan{source: source, root: root, o: o}
	var tree *Tree
	switch {
	case info.IsDir():
		tree, err = s.scanFolder(ctx)
	case o.Ignore:
		tree, err = s.scanZip(ctx)
	default:
		err = &fs.PathError{Op: "read the folder", Path: source, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	if o.Ignore && tree.Files == 0 {
		return nil, &NoFilesError{Path: source}
	}
	s.cache.save(s.rules.digest)
	return tree, nil
}

// resolveSource gives the absolute path without links of a folder or file.
func resolveSource(source string) (string, fs.FileInfo, error) {
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", nil, fmt.Errorf("cannot find %s: %w", source, err)
	}
	root, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", nil, fmt.Errorf("cannot find %s: %w: check the path", source, err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return "", nil, fmt.Errorf("cannot read %s: %w", source, err)
	}
	return root, info, nil
}

// excluded gives the files as paths relative to root; a file that is a link
// stands for itself and for what it links to.
func excluded(root string, files []string) map[string]bool {
	out := map[string]bool{}
	add := func(file string) {
		rel, err := filepath.Rel(root, file)
		if err == nil && filepath.IsLocal(rel) {
			out[filepath.ToSlash(rel)] = true
		}
	}
	for _, file := range files {
		if folder, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
			add(filepath.Join(folder, filepath.Base(file)))
		}
		if target, err := filepath.EvalSymlinks(file); err == nil {
			add(target)
		}
	}
	return out
}

// readError adds what to do to an error of the file system.
func readError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("cannot read the app's files: %w: make it readable, or list it in %s", err, ignoreFile)
	}
	return fmt.Errorf("cannot read the app's files: %w", err)
}

// scan is one run of Scan.
type scan struct {
	source  string // as it was given
	root    string
	o       ScanOptions
	exclude map[string]bool
	rules   *rules
	cache   *statCache
}

// scanFolder scans root, a folder.
func (s *scan) scanFolder(ctx context.Context) (*Tree, error) {
	s.exclude, s.rules = excluded(s.root, s.o.Exclude), parseRules("")
	if s.o.Ignore {
		var err error
		if s.rules, err = readRules(s.root); err != nil {
			return nil, err
		}
	}
	s.cache = loadCache(s.o.Cache, s.root, s.o.Ignore)
	infos, err := archive.List(ctx, s.root, s.keep)
	if err != nil {
		return nil, readError(err)
	}
	entries, todo := s.entries(infos)
	if err := cmp.Or(s.checkSize(entries), s.checkDepth(entries)); err != nil { // before anything is read
		return nil, err
	}
	if err := s.hash(ctx, entries, todo, s.hashFile); err != nil {
		return nil, err
	}
	return newTree(s.root, entries), nil
}

// keep is the archive.Keep of this scan.
func (s *scan) keep(p string, t fs.FileMode) (include, enter bool) {
	if !s.o.Ignore {
		keep := path.Base(p) != ".git" && !s.exclude[p]
		return keep, keep
	}
	if t.IsDir() {
		return false, s.rules.enters(p)
	}
	if s.exclude[p] {
		return false, false
	}
	// Matching is the slow part where there are many patterns: what was kept
	// under these very rules before is kept now.
	return s.cache.kept(p, s.rules.digest) || !s.rules.ignored(p), false
}

// entries makes the entries of what was listed, and the indexes of those that
// the cache does not know.
func (s *scan) entries(infos []archive.Info) (entries []Entry, todo []int) {
	entries = make([]Entry, len(infos))
	for i, info := range infos {
		e := Entry{Path: info.Path}
		switch {
		case info.Mode.IsRegular():
			e.Type, e.Executable, e.Size = File, info.Mode&0o100 != 0, info.Size
			if e.Digest = s.cache.digest(info); e.Digest == "" {
				todo = append(todo, i)
			}
		case info.Mode&fs.ModeSymlink != 0:
			e.Type, e.Link = Link, info.Target
		case info.Mode.IsDir():
			e.Type = Dir
		}
		entries[i] = e
	}
	return entries, todo
}

// hasher sets the digest of entry n, and what else is only known once it is
// read. A file that has vanished is left without. The record is for the cache;
// the zero one is not kept.
type hasher func(ctx context.Context, n int, e *Entry, buf []byte) (record, error)

// hash hashes the entries with the given indexes, and tells the cache.
func (s *scan) hash(ctx context.Context, entries []Entry, todo []int, one hasher) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	found := make([]record, len(todo))
	for range min(len(todo), max(2, runtime.GOMAXPROCS(0))) {
		g.Go(func() error {
			buf := make([]byte, 128<<10)
			for {
				n := int(next.Add(1)) - 1
				if n >= len(todo) {
					return nil
				}
				var err error
				if found[n], err = one(ctx, todo[n], &entries[todo[n]], buf); err != nil {
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, r := range found {
		if r.digest != "" {
			s.cache.add(r)
		}
	}
	return nil
}

// hashFile is the hasher of a folder's files.
func (s *scan) hashFile(ctx context.Context, _ int, e *Entry, buf []byte) (record, error) {
	now := time.Now()
	h, err := archive.HashFile(ctx, s.root, e.Path, buf)
	var changed *archive.ChangedError
	if errors.As(err, &changed) {
		return record{}, nil
	}
	if err != nil {
		return record{}, readError(err)
	}
	e.Size, e.Digest, e.Executable = h.Size, h.Digest, h.Mode&0o100 != 0
	if !settled(h, now) {
		return record{}, nil
	}
	return record{info: h.Info, digest: h.Digest}, nil
}

// granularity is the coarsest step in which a file system counts time (FAT).
const granularity = 2 * time.Second

// settled reports whether a later write to the file is sure to change its
// times: a file that was written to just now may be written to again within
// the same tick, and would look unchanged (git calls it racy).
func settled(h archive.Hashed, now time.Time) bool {
	limit := now.Add(-granularity).UnixNano()
	return h.Stable && h.ModNS < limit && h.ChangeNS < limit
}
