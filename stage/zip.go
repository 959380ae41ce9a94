package stage

// The zip format, read with the standard library's reader, as cf's own (ykk is
// that reader plus the offset of self-executing jars, which the standard
// library knows since). mholt/archiver's (v4.0.0-alpha.9) gives no link
// targets, panics on an entry that says it is xz and is not, and guesses
// formats in an order that changes.

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"wadi/stage/archive"
	"wadi/stage/lifecycle"
)

const (
	// maxZipBytes is what the entries of a zip that are packaged may come to,
	// unpacked: Cloud Foundry's default max_package_size. Sizes are those of
	// the zip's directory, and reading stops at them, so it is also all that
	// a zip bomb can make us read; a limit on the ratio would add nothing but
	// refuse big logs and sparse data.
	maxZipBytes = 1 << 30
	// maxName and maxLink are what Linux allows for one name of a path, and
	// for the target of a link, in bytes.
	maxName = 255
	maxLink = 4095
)

// zipFile is a zip while it is open.
type zipFile struct {
	file   *os.File
	info   archive.Info // when it was opened
	reader *zip.Reader
}

// openZip opens the zip at the absolute path. If want is given and not what
// the file system says of it, it is an *archive.ChangedError.
func openZip(path string, want *archive.Info) (*zipFile, error) {
	// A pipe in its place would block.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, zipReadError(err)
	}
	z := &zipFile{file: f}
	if err := z.open(want); err != nil {
		f.Close()
		return nil, err
	}
	return z, nil
}

func (z *zipFile) open(want *archive.Info) error {
	var err error
	if z.info, err = archive.StatFile(z.file); err != nil {
		return zipReadError(err)
	}
	if want != nil && z.info != *want {
		return &archive.ChangedError{Path: z.file.Name()}
	}
	if !z.info.Mode.IsRegular() {
		return &NotZipError{Path: z.file.Name(), Kind: "a device, pipe or socket", Fix: "give one of these"}
	}
	z.reader, err = zip.NewReader(z.file, z.info.Size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) { // names are looked at in entries
		return nil
	}
	if isReadError(err) {
		return zipReadError(err)
	}
	if want != nil {
		return &archive.ChangedError{Path: z.file.Name(), Err: err}
	}
	head := make([]byte, magicBytes)
	n, readErr := z.file.ReadAt(head, 0)
	if readErr != nil && readErr != io.EOF {
		return zipReadError(readErr)
	}
	return noZip(z.file.Name(), head[:n], err)
}

// isReadError reports whether err comes from the file system, and not from
// what the zip holds: an offset in it below zero is a PathError, too.
func isReadError(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// zipReadError says what to do about an error of the file system.
func zipReadError(err error) error {
	return fmt.Errorf("cannot read the app's zip: %w: check that it is there and readable", err)
}

// unchanged reports whether the file is still what was opened.
func (z *zipFile) unchanged() bool {
	now, err := archive.StatFile(z.file)
	return err == nil && now == z.info
}

// refuse makes the error for an entry.
func (z *zipFile) refuse(f *zip.File, reason, fix string) error {
	return &ZipError{Zip: z.info.Path, Entry: f.Name, Reason: reason, Fix: fix}
}

// damaged makes the error for an entry that cannot be read.
func (z *zipFile) damaged(f *zip.File, err error) error {
	if isReadError(err) {
		return zipReadError(err)
	}
	return &ZipError{Zip: z.info.Path, Entry: f.Name, Reason: "its content is damaged", Fix: fixBuildAgain, Err: err}
}

// zipEntry is a file or link that is packaged.
type zipEntry struct {
	Entry
	file *zip.File
}

// entries gives the files and links that the rules keep, sorted by path, and
// how many entries those and the kept folders are. Nothing but links is read.
// Every name is looked at, also of what is ignored.
func (z *zipFile) entries(ignored func(path string) bool) (kept []zipEntry, count int, err error) {
	types := map[string]Type{}
	left := uint64(maxZipBytes)
	for _, f := range z.reader.File {
		e, reason := describeEntry(f)
		if reason != "" {
			return nil, 0, z.refuse(f, reason, fixPackAgain)
		}
		if old, ok := types[e.Path]; ok && !(old == Dir && e.Type == Dir) {
			return nil, 0, z.refuse(f, fmt.Sprintf("there is another entry for %q", e.Path), fixPackAgain)
		}
		types[e.Path] = e.Type
		if e.Type == Dir {
			if !ignored(e.Path + "/") {
				count++
			}
			continue
		}
		if ignored(e.Path) {
			continue
		}
		count++
		if reason, fix := unreadable(f); reason != "" {
			return nil, 0, z.refuse(f, reason, fix)
		}
		if f.UncompressedSize64 > left {
			return nil, 0, z.refuse(f, "with it the zip holds more than "+lifecycle.FormatSize(maxZipBytes),
				"leave out what the app does not need, or "+fixUnpack+", which may hold more")
		}
		left -= f.UncompressedSize64
		if e.Type == Link {
			if e.Link, err = z.link(f); err != nil {
				return nil, 0, err
			}
		}
		kept = append(kept, zipEntry{Entry: e, file: f})
	}
	for _, e := range kept {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if t, ok := types[dir]; ok && t != Dir {
				return nil, 0, z.refuse(e.file, fmt.Sprintf("it lies in %q, which is no folder", dir), fixPackAgain)
			}
		}
	}
	slices.SortFunc(kept, func(a, b zipEntry) int { return cmp.Compare(a.Path, b.Path) })
	return kept, count, nil
}

// describeEntry says what an entry is, but for its content, or why it is
// refused. Whatever modes the zip has, files are executable: cf pushes them
// with 0744, since zips made elsewhere, and most jars, have none.
func describeEntry(f *zip.File) (e Entry, reason string) {
	name, reason := archive.LocalName(f.Name)
	switch mode := f.Mode(); {
	case reason != "":
	case tooDeep(name):
		reason = fmt.Sprintf("it lies more than %d folders deep", maxDepth)
	case !utf8.ValidString(name):
		reason = "its name is not UTF-8 but in a code page that the zip does not tell"
	case strings.Contains(name, `\`):
		reason = "its name has a backslash in it; names in a zip are separated by slashes"
	case strings.Contains(name, "\x00"):
		reason = "its name has a zero byte in it"
	case slices.ContainsFunc(strings.Split(name, "/"), func(n string) bool { return len(n) > maxName }):
		reason = fmt.Sprintf("its name has a part of more than %d bytes", maxName)
	case mode.IsDir():
		return Entry{Path: name, Type: Dir}, ""
	case name == ".":
		reason = "it has no name"
	case mode&fs.ModeSymlink != 0:
		return Entry{Path: name, Type: Link}, ""
	case mode.IsRegular():
		return Entry{Path: name, Type: File, Executable: true, Size: int64(f.UncompressedSize64)}, ""
	default:
		reason = "it is a device, pipe or socket"
	}
	return Entry{}, reason
}

// unreadable says why the content of an entry cannot be read, and what to do.
func unreadable(f *zip.File) (reason, fix string) {
	const encrypted = 1<<0 | 1<<6 | 1<<13 // APPNOTE.TXT 4.4.4: entry, strong, directory
	switch {
	case f.Flags&encrypted != 0:
		return "it is encrypted", "pack it again without a password"
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Sprintf("it is compressed by method %d", f.Method), "pack it again with deflate (method 8), the default of every zip tool"
	}
	return "", ""
}

// link reads the target of a link, which is the content of its entry.
func (z *zipFile) link(f *zip.File) (string, error) {
	b, err := z.read(f, maxLink)
	switch target := string(b); {
	case errors.Is(err, errTooBig):
		return "", z.refuse(f, fmt.Sprintf("it is a link to a name of more than %d bytes", maxLink), fixPackAgain)
	case err != nil:
		return "", err
	case target == "" || strings.Contains(target, "\x00"):
		return "", z.refuse(f, fmt.Sprintf("it is a link to %q, which is no name", target), fixPackAgain)
	default:
		return target, nil
	}
}

// errTooBig says that an entry has more bytes than may be read.
var errTooBig = errors.New("too big")

// read reads a small entry as a whole; one of more than limit bytes is errTooBig.
func (z *zipFile) read(f *zip.File, limit int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(limit) {
		return nil, errTooBig
	}
	r, err := f.Open()
	if err != nil {
		return nil, z.damaged(f, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r) // which stops at UncompressedSize64
	if err != nil {
		return nil, z.damaged(f, err)
	}
	return b, nil
}
