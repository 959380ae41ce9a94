package remote

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"wadi/stage/archive"
)

// What an archive may hold, unpacked.
const (
	maxUnpacked = 8 << 30 // bytes
	maxEntries  = 500_000
)

// hashFile is the sha256 (hex) of a file on the disk.
func hashFile(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		switch {
		case err == io.EOF:
			return hex.EncodeToString(h.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		}
	}
}

// checkArchive looks whether a file is an archive, without unpacking it; it
// removes one that is none.
func checkArchive(file, shown string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := entriesOf(f); err != nil {
		return errors.Join(describe(shown, err), os.Remove(file))
	}
	return nil
}

// entriesOf looks at how a file begins, and opens it as what it is.
func entriesOf(f *os.File) (func(*tar.Writer) error, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return openEntries(f, head[:n])
}

// unpack puts what is in an archive into dir, and nowhere else. What decides
// is the content, not the name.
func unpack(ctx context.Context, file, shown, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := entriesOf(f)
	if err == nil {
		err = extract(ctx, entries, dir)
	}
	return describe(shown, err)
}

// describe says of which source an error is.
func describe(shown string, err error) error {
	var refused *archive.EntryError
	var limit *archive.LimitError
	var kind *notArchive
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return &SourceError{Shown: shown, Reason: "it is " + kind.is, Fix: kind.fix}
	case errors.As(err, &limit):
		return &SourceError{Shown: shown, Reason: fmt.Sprintf("it holds more than %d %s", limit.Limit, limit.What), Fix: "give a smaller buildpack"}
	case isDamage(err):
		return &SourceError{Shown: shown, Reason: "it is damaged", Err: err, Fix: "build or download it again"}
	case errors.As(err, &refused) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) && !errors.Is(err, syscall.EIO):
		return &SourceError{Shown: shown, Reason: "it is refused", Err: refused, Fix: "do not use it, or pack it again without that"}
	}
	return fmt.Errorf("%s: %w", shown, err)
}

// isDamage reports whether an archive cannot be read as what it claims to be.
func isDamage(err error) bool {
	for _, e := range []error{zip.ErrFormat, zip.ErrChecksum, zip.ErrAlgorithm, gzip.ErrHeader, gzip.ErrChecksum, tar.ErrHeader, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return strings.Contains(fmt.Sprintf("%T", errors.Unwrap(err)), "flate.")
}

// notArchive is a file of another kind.
type notArchive struct{ is, fix string }

func (e *notArchive) Error() string { return e.is }

const fixPack = "pack it as zip or tgz"

// openEntries writes what is in an archive as a tar stream.
func openEntries(f *os.File, head []byte) (func(*tar.Writer) error, error) {
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case starts("PK\x03\x04"):
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		r, err := zip.NewReader(f, info.Size())
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked at when they are unpacked
			return nil, err
		}
		return func(w *tar.Writer) error { return writeZip(w, r) }, nil
	case starts("\x1f\x8b"):
		r, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		return func(w *tar.Writer) error { return writeTar(w, r) }, nil
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return func(w *tar.Writer) error { return writeTar(w, f) }, nil
	case len(head) == 0:
		return nil, &notArchive{"an empty file", "build or download it again"}
	case starts("\xfd7zXZ\x00"):
		return nil, &notArchive{"an xz file", fixPack}
	case starts("BZh"):
		return nil, &notArchive{"a bzip2 file", fixPack}
	case starts("\x28\xb5\x2f\xfd"):
		return nil, &notArchive{"a zstd file", fixPack}
	case starts("version https://git-lfs"):
		return nil, &notArchive{"a pointer of Git LFS, not the file itself", "give the address of the file"}
	case bytes.HasPrefix(bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf")), []byte("<")):
		return nil, &notArchive{"a web page, not an archive", "check the address, and whether it takes a login"}
	}
	return nil, &notArchive{"neither a zip nor a tar file", "check the address; a repository does not end in .zip, .tgz, .tar.gz or .tar"}
}

// extract unpacks entries as archive.Extract does, with its guards.
func extract(ctx context.Context, entries func(*tar.Writer) error, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := tar.NewWriter(pw)
		err := entries(w)
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	_, err = archive.Extract(ctx, pr, root, archive.ExtractOptions{UID: -1, GID: -1, MaxBytes: maxUnpacked, MaxEntries: maxEntries})
	pr.CloseWithError(errors.New("unpacking ended")) // ends a writer that still waits
	<-done
	return err
}

// plainHeader is an entry with what counts of it: folders can be entered,
// files be read, and be run or not. What a buildpack's archive says of
// owners, times and set-uid bits never does.
func plainHeader(kind byte, name, target string, size int64, executable bool) *tar.Header {
	h := &tar.Header{Typeflag: kind, Name: name, Linkname: target, Size: size, Mode: 0o644, ModTime: archive.Epoch}
	if executable || kind == tar.TypeDir {
		h.Mode = 0o755
	}
	return h
}

// isJunk reports what macOS adds to archives.
func isJunk(name string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	return first == "__MACOSX" || path.Base(name) == ".DS_Store"
}

func writeTar(w *tar.Writer, from io.Reader) error {
	r := tar.NewReader(from)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader || isJunk(h.Name) {
			continue
		}
		kind := h.Typeflag
		if kind == tar.TypeGNUSparse || kind == tar.TypeCont {
			kind = tar.TypeReg
		}
		size := h.Size
		if kind != tar.TypeReg {
			size = 0
		}
		if err := w.WriteHeader(plainHeader(kind, h.Name, h.Linkname, size, h.Mode&0o100 != 0)); err != nil {
			return &archive.EntryError{Entry: h.Name, Reason: "its name or target cannot be used", Err: err}
		}
		if kind == tar.TypeReg {
			if _, err := io.Copy(w, r); err != nil {
				return err
			}
		}
	}
}

func writeZip(w *tar.Writer, r *zip.Reader) error {
	for _, f := range r.File {
		if isJunk(f.Name) {
			continue
		}
		if err := writeZipEntry(w, f); err != nil {
			return err
		}
	}
	return nil
}

// maxLink is what Linux allows for the target of a link, in bytes.
const maxLink = 4095

func writeZipEntry(w *tar.Writer, f *zip.File) error {
	refuse := func(reason string) error { return &archive.EntryError{Entry: f.Name, Reason: reason} }
	mode := f.Mode()
	kind, target, size := byte(tar.TypeReg), "", int64(f.UncompressedSize64)
	switch {
	case strings.Contains(f.Name, `\`):
		return refuse("its name has a backslash in it; names in a zip are separated by slashes")
	case f.Flags&1 != 0:
		return refuse("it is encrypted")
	case mode.IsDir():
		kind, size = tar.TypeDir, 0
	case mode&fs.ModeSymlink != 0:
		b, err := readSmall(f, maxLink)
		if err != nil {
			return err
		}
		if kind, target, size = tar.TypeSymlink, string(b), 0; target == "" || strings.Contains(target, "\x00") {
			return refuse("it is a link without a target")
		}
	case !mode.IsRegular():
		return refuse("it is a device, pipe or socket")
	case size < 0:
		return refuse("its size is no number")
	}
	// What was packed without modes would not run at all.
	executable := mode&0o100 != 0 || !hasModes(f)
	if err := w.WriteHeader(plainHeader(kind, f.Name, target, size, executable)); err != nil {
		return &archive.EntryError{Entry: f.Name, Reason: "its name or target cannot be used", Err: err}
	}
	if kind != tar.TypeReg {
		return nil
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(w, content)
	return err
}

// hasModes reports whether the zip was made by a program that kept modes:
// one on Unix or macOS (APPNOTE.TXT 4.4.2).
func hasModes(f *zip.File) bool {
	system := f.CreatorVersion >> 8
	return (system == 3 || system == 19) && f.ExternalAttrs>>16 != 0
}

func readSmall(f *zip.File, limit uint64) ([]byte, error) {
	if f.UncompressedSize64 > limit {
		return nil, &archive.EntryError{Entry: f.Name, Reason: fmt.Sprintf("it is a link to a name of more than %d bytes", limit)}
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, int64(limit)))
}

// scripts are what the lifecycle runs of a buildpack.
var scripts = []string{"detect", "supply", "finalize", "compile", "release"}

// allowScripts makes the scripts executable that somebody packed or committed
// without: whoever uses a buildpack cannot mend it.
func allowScripts(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	bins := []string{"bin"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			bins = append(bins, filepath.Join(e.Name(), "bin"))
		}
	}
	for _, bin := range bins {
		for _, script := range scripts {
			name := filepath.Join(bin, script)
			info, err := root.Lstat(name)
			if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0o111 {
				continue
			}
			if err := root.Chmod(name, info.Mode().Perm()|0o111); err != nil {
				return err
			}
		}
	}
	return nil
}
