package remote

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type zipFile struct {
	name    string
	mode    fs.FileMode
	content string
	dos     bool // made without modes
}

func makeZip(t testing.TB, files ...zipFile) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		if f.dos {
			h.CreatorVersion, h.ExternalAttrs = 0, 0
		}
		e, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(e, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func makeTGZ(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = h.Name
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked puts an archive into a file, unpacks it, and lists what came out.
func unpacked(t *testing.T, content []byte) ([]string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := store(t).Unpack(t.Context(), file, "")
	if err != nil {
		return nil, err
	}
	var out []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + strings.TrimPrefix(path, dir+"/")
		if target, err := os.Readlink(path); err == nil {
			line += " -> " + target
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, nil
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		content []byte
		want    []string
	}{
		{"zip", makeZip(t,
			zipFile{name: "bin/", mode: fs.ModeDir | 0o500},
			zipFile{name: "bin/detect", mode: 0o4755, content: "d"},
			zipFile{name: "bin/supply", mode: 0o644, content: "s"},
			zipFile{name: "lib/help", mode: 0o200, content: "h"},
			zipFile{name: "lib/link", mode: fs.ModeSymlink | 0o777, content: "../bin/detect"},
			zipFile{name: "out", mode: fs.ModeSymlink | 0o777, content: "/etc"},
			zipFile{name: "__MACOSX/._x", mode: 0o644}, zipFile{name: "bin/.DS_Store", mode: 0o644},
		), []string{"drwxr-xr-x bin", "-rwxr-xr-x bin/detect", "-rwxr-xr-x bin/supply", "drwxr-xr-x lib", "-rw-r--r-- lib/help",
			"Lrwxrwxrwx lib/link -> ../bin/detect", "Lrwxrwxrwx out -> /etc"}},
		{"zip without modes", makeZip(t, zipFile{name: "bin/detect", dos: true}, zipFile{name: "lib/run", dos: true}),
			[]string{"drwxr-xr-x bin", "-rwxr-xr-x bin/detect", "drwxr-xr-x lib", "-rwxr-xr-x lib/run"}},
		{"tgz of a repository", makeTGZ(t,
			tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "c"}},
			tar.Header{Typeflag: tar.TypeDir, Name: "r-main/", Mode: 0o700},
			tar.Header{Typeflag: tar.TypeReg, Name: "r-main/bin/compile", Mode: 0o600},
			tar.Header{Typeflag: tar.TypeReg, Name: "r-main/README", Mode: 0o6755, Uid: 7, ModTime: time.Now()},
			tar.Header{Typeflag: tar.TypeSymlink, Name: "r-main/l", Linkname: "README"},
			tar.Header{Typeflag: tar.TypeLink, Name: "r-main/h", Linkname: "r-main/README"},
		), []string{"drwxr-xr-x r-main", "-rwxr-xr-x r-main/README", "drwxr-xr-x r-main/bin", "-rwxr-xr-x r-main/bin/compile",
			"-rwxr-xr-x r-main/h", "Lrwxrwxrwx r-main/l -> README"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := unpacked(t, tt.content)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is refused leaves nothing, neither in the cache nor beside it.
func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	big := makeZip(t, zipFile{name: "big", mode: 0o644, content: strings.Repeat("x", 1000)})
	lying := bytes.Clone(big) // says in its directory that it is bigger than any may be
	at := bytes.Index(lying, []byte("PK\x01\x02"))
	copy(lying[at+24:], "\xfe\xff\xff\xff")
	reg := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644} }
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	tests := []struct {
		name    string
		content []byte
		says    string
	}{
		{"zip slip", makeZip(t, zipFile{name: "../evil", mode: 0o644}), `".." in it`},
		{"zip, absolute", makeZip(t, zipFile{name: "/tmp/evil", mode: 0o644}), "absolute"},
		{"zip, backslash", makeZip(t, zipFile{name: `..\evil`, mode: 0o644}), "backslash"},
		{"zip, through a link", makeZip(t, zipFile{name: "l", mode: fs.ModeSymlink | 0o777, content: ".."}, zipFile{name: "l/evil", mode: 0o644}), "cannot enter"},
		{"zip, twice", makeZip(t, zipFile{name: "a", mode: 0o644}, zipFile{name: "a", mode: 0o644}), "there already"},
		{"zip, device", makeZip(t, zipFile{name: "d", mode: fs.ModeDevice | 0o644}), "device"},
		{"zip, long link", makeZip(t, zipFile{name: "l", mode: fs.ModeSymlink | 0o777, content: strings.Repeat("x", 5000)}), "more than 4095 bytes"},
		{"zip, another size", lying, "damaged"},
		{"zip, cut", big[:len(big)-30], "damaged"},
		{"tar slip", makeTGZ(t, reg("a/../../evil")), `".." in it`},
		{"tar, through a link", makeTGZ(t, link("l", ".."), reg("l/evil")), "cannot enter"},
		{"tar, hard link outside", makeTGZ(t, tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: "../evil"}), `".." in it`},
		{"tar, pipe", makeTGZ(t, tar.Header{Typeflag: tar.TypeFifo, Name: "p"}), "never unpacked"},
		{"tar, device", makeTGZ(t, tar.Header{Typeflag: tar.TypeChar, Name: "c", Devmajor: 1}), "never unpacked"},
		{"tgz, cut", makeTGZ(t, reg("a"))[:40], "damaged"},
		{"xz", []byte("\xfd7zXZ\x00..."), "an xz file"},
		{"web page", []byte("\n<!DOCTYPE html><title>Sign in</title>"), "a web page"},
		{"LFS", []byte("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"},
		{"text", []byte("hello"), "neither a zip nor a tar"},
		{"nothing", nil, "an empty file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			file := filepath.Join(top, "a")
			if err := os.WriteFile(file, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			s := &Store{Dir: filepath.Join(top, "cache")}
			_, err := s.Unpack(t.Context(), file, "")
			var wrong *SourceError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
			err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && path != file {
					t.Errorf("%s is left", path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestUnpackDigest(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.zip")
	content := bp(t, "d")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store(t).Unpack(t.Context(), file, sum(content)); err != nil {
		t.Error(err)
	}
	_, err := store(t).Unpack(t.Context(), file, strings.Repeat("0", 64))
	var wrong *SourceError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "its sha256 is "+sum(content)) {
		t.Errorf("error %v", err)
	}
}

// What was not used for long goes; what is in use stays.
func TestPrune(t *testing.T) {
	t.Parallel()
	s := store(t)
	file := filepath.Join(t.TempDir(), "a.zip")
	for _, content := range []string{"old", "new"} {
		if err := os.WriteFile(file, bp(t, content), 0o600); err != nil {
			t.Fatal(err)
		}
		dir, err := s.Unpack(t.Context(), file, "")
		if err != nil {
			t.Fatal(err)
		}
		if long := time.Now().Add(-2 * unusedFor); content == "old" {
			if err := os.Chtimes(dir, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	left, err := filepath.Glob(s.Dir + "/trees/*/bin/detect")
	if err != nil || len(left) != 1 || read(t, left[0]) != "new" {
		t.Errorf("left are %v (%v)", left, err)
	}
}
