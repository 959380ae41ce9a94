package remote

import (
	"archive/tar"
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"wadi/stage/archive"
)

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

// writeTar writes what is in a tar stream.
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

// writeZip writes what is in a zip, in the order of its directory.
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

// readSmall reads the target of a link, of at most limit bytes.
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
