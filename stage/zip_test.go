package stage

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"wadi/stage/archive"
)

// zipped is one entry of a zip to be made.
type zipped struct {
	name, content string
	mode          fs.FileMode
	method        uint16
	flags         uint16
	size          uint64 // what the directory says; 0 = the truth
	crc           uint32 // the same
}

func (z zipped) header() *zip.FileHeader {
	h := &zip.FileHeader{Name: z.name, Method: z.method, Flags: z.flags}
	h.SetMode(cmp.Or(z.mode, 0o644))
	return h
}

// deflated is the content as Deflate has it.
func deflated(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipBytes makes a zip. Nothing in it is checked: it may be a hostile one.
func zipBytes(t testing.TB, entries ...zipped) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		data := []byte(e.content)
		if e.method == zip.Deflate {
			data = deflated(t, e.content)
		}
		h := e.header()
		h.CompressedSize64 = uint64(len(data))
		h.UncompressedSize64 = cmp.Or(e.size, uint64(len(e.content)))
		h.CRC32 = cmp.Or(e.crc, crc32.ChecksumIEEE([]byte(e.content)))
		out, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipFileOf writes a zip into a folder of its own.
func zipFileOf(t testing.TB, name string, entries ...zipped) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	write(t, file, string(zipBytes(t, entries...)), 0o644)
	return file
}

func TestScanZip(t *testing.T) {
	t.Parallel()
	file := zipFileOf(t, "app.jar",
		zipped{name: "META-INF/", mode: fs.ModeDir | 0o755},
		zipped{name: "META-INF/MANIFEST.MF", content: "Main-Class: A\n", method: zip.Deflate},
		zipped{name: "./run.sh", content: "#!/bin/sh", mode: 0o600},
		zipped{name: "a.b", content: "", method: zip.Deflate},
		zipped{name: "a//c", content: strings.Repeat("c", 300<<10), method: zip.Deflate},
		zipped{name: "ünï", content: "u", flags: 0x800},
		zipped{name: "link", content: "run.sh", mode: fs.ModeSymlink | 0o777},
		zipped{name: "sub/absolute", content: "/nowhere", mode: fs.ModeSymlink | 0o777, method: zip.Deflate},
		zipped{name: "META-INF/", mode: fs.ModeDir | 0o755},
		zipped{name: "manifest.yml", content: "applications: []"},
		zipped{name: "hollow/", mode: fs.ModeDir | 0o755},
	)
	tree := mustScan(t, file, ScanOptions{Ignore: true})
	want := []string{
		`f "META-INF/MANIFEST.MF" 14 x`,
		`f "a.b" 0 x`,
		`f "a/c" 307200 x`,
		`l "link" -> run.sh`,
		`f "run.sh" 9 x`,
		`l "sub/absolute" -> /nowhere`,
		`f "ünï" 1 x`,
	}
	if diff := gocmp.Diff(want, lines(tree)); diff != "" {
		t.Error(diff)
	}
	if tree.Files != 7 || tree.Bytes != 307224 || tree.Root != file || tree.Zip == nil {
		t.Errorf("Files %d, Bytes %d, Root %s, Zip %v", tree.Files, tree.Bytes, tree.Root, tree.Zip)
	}
	// What decides is what the file holds: its name does not, and neither does
	// a script before it, which makes jars start by themselves.
	zipped, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "anything.txt")
	write(t, other, "#!/bin/sh\nexec java -jar \"$0\"\n"+string(zipped), 0o755)
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, other, link)
	if got := mustScan(t, link, ScanOptions{Ignore: true}); got.Digest != tree.Digest || !bytes.Equal(pack(t, got), pack(t, tree)) {
		t.Error("the same zip behind a script and a link is another package")
	}
}

// The rules differ from those of a folder: see TestIgnored.
func TestScanZipIgnore(t *testing.T) {
	t.Parallel()
	file := zipFileOf(t, "app.zip",
		zipped{name: ".git/config", content: "g"},
		zipped{name: "first.cfignore", content: "*.log\n!.git\n!manifest.yml\n"},
		zipped{name: ".cfignore", content: "*"},
		zipped{name: "a.log", content: "a"},
		zipped{name: "b", content: "b"},
		zipped{name: "sub/manifest.yml", content: "m"},
		zipped{name: "sub/.svn/x", content: "s"},
	)
	want := []string{`f ".git/config" 1 x`, `f "b" 1 x`, `f "first.cfignore" 26 x`, `f "sub/manifest.yml" 1 x`}
	for range 2 {
		if diff := gocmp.Diff(want, lines(mustScan(t, file, ScanOptions{Ignore: true}))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestScanZipNoFiles(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]zipped{
		"empty.zip":   nil,
		"one.zip":     {{name: "a", content: "a"}},
		"folders.zip": {{name: "a/", mode: fs.ModeDir | 0o755}, {name: "b/", mode: fs.ModeDir | 0o755}},
		"ignored.zip": {{name: ".cfignore", content: "*.log"}, {name: "a.log", content: "a"}, {name: "b.log", content: "b"}},
		"left.zip":    {{name: ".cfignore", content: "*.log"}, {name: "a.log", content: "a"}, {name: "b", content: "b"}},
	} {
		file := zipFileOf(t, name, entries...)
		_, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
		var none *NoFilesError
		if !errors.As(err, &none) || !strings.HasPrefix(err.Error(), "No app files found in '"+file+"'") {
			t.Errorf("%s: %v, want cf's words", name, err)
		}
	}
	two := zipFileOf(t, "two.zip", zipped{name: strings.Repeat("a/", maxDepth), mode: fs.ModeDir | 0o755}, zipped{name: strings.Repeat("a/", maxDepth) + "b", content: "b"})
	if tree := mustScan(t, two, ScanOptions{Ignore: true}); tree.Files != 1 {
		t.Errorf("a file in a folder, both entries: %d files", tree.Files)
	}
}

func TestScanHostileZip(t *testing.T) {
	t.Parallel()
	bomb := strings.Repeat("\x00", 4<<20)
	other := zipped{name: "ok", content: "ok"}
	tests := map[string]struct {
		entries []zipped
		entry   string
		reason  string
	}{
		"leaves":                {[]zipped{{name: "../a", content: "a"}}, "../a", `".."`},
		"leaves in the middle":  {[]zipped{{name: "a/../../b", content: "a"}}, "a/../../b", `".."`},
		"leaves, a folder":      {[]zipped{{name: "../", mode: fs.ModeDir | 0o755}}, "../", `".."`},
		"leaves, but ignored":   {[]zipped{{name: ".git/../../b"}}, ".git/../../b", `".."`},
		"absolute":              {[]zipped{{name: "/etc/passwd", content: "a"}}, "/etc/passwd", "absolute"},
		"no name":               {[]zipped{{name: "", content: "a"}}, "", "no name"},
		"the folder as a file":  {[]zipped{{name: ".", content: "a"}}, ".", "no name"},
		"backslash":             {[]zipped{{name: `a\b`, content: "a"}}, `a\b`, "backslash"},
		"windows":               {[]zipped{{name: `C:\a`, content: "a"}}, `C:\a`, "backslash"},
		"zero byte":             {[]zipped{{name: "a\x00b", content: "a"}}, "a\x00b", "zero byte"},
		"not UTF-8":             {[]zipped{{name: "caf\x82", content: "a"}}, "caf\x82", "UTF-8"},
		"says UTF-8, is not":    {[]zipped{{name: "caf\x82", content: "a", flags: 0x800}}, "caf\x82", "UTF-8"},
		"deep file":             {[]zipped{{name: "a", content: "a"}, {name: strings.Repeat("d/", maxDepth+1) + "f"}}, strings.Repeat("d/", maxDepth+1) + "f", "more than 255 folders deep"},
		"long name":             {[]zipped{{name: "a/" + strings.Repeat("n", 256)}}, "a/" + strings.Repeat("n", 256), "255 bytes"},
		"deep":                  {[]zipped{{name: strings.Repeat("d/", 300) + "x"}}, strings.Repeat("d/", 300) + "x", "deep"},
		"twice":                 {[]zipped{{name: "a", content: "1"}, {name: "a", content: "2"}}, "a", "another entry"},
		"twice, written apart":  {[]zipped{{name: "a/b", content: "1"}, {name: "./a//b", content: "2"}}, "./a//b", "another entry"},
		"a file and a folder":   {[]zipped{{name: "a", content: "1"}, {name: "a/", mode: fs.ModeDir | 0o755}}, "a/", "another entry"},
		"below a file":          {[]zipped{{name: "a/b/c", content: "1"}, {name: "a", content: "2"}}, "a/b/c", "no folder"},
		"below a link":          {[]zipped{{name: "a", content: "/etc", mode: fs.ModeSymlink | 0o777}, {name: "a/passwd", content: "x"}}, "a/passwd", "no folder"},
		"a device":              {[]zipped{{name: "null", mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}}, "null", "device"},
		"a pipe":                {[]zipped{{name: "pipe", mode: fs.ModeNamedPipe | 0o666}}, "pipe", "pipe"},
		"encrypted":             {[]zipped{{name: "a", content: "a", flags: 1}}, "a", "encrypted"},
		"encrypted rules":       {[]zipped{{name: ".cfignore", content: "a", flags: 1}}, ".cfignore", "encrypted"},
		"strongly encrypted":    {[]zipped{{name: "a", content: "a", flags: 1 << 6}}, "a", "encrypted"},
		"another compression":   {[]zipped{{name: "a", content: "a", method: 95}}, "a", "method 95"},
		"link to nothing":       {[]zipped{{name: "a", mode: fs.ModeSymlink | 0o777}}, "a", "no name"},
		"link to a zero byte":   {[]zipped{{name: "a", content: "b\x00", mode: fs.ModeSymlink | 0o777}}, "a", "no name"},
		"link to a long name":   {[]zipped{{name: "a", content: strings.Repeat("a/", 3000), mode: fs.ModeSymlink | 0o777}}, "a", "4095 bytes"},
		"bomb":                  {[]zipped{{name: "a", content: bomb, method: zip.Deflate, size: maxZipBytes + 1}}, "a", "more than 1G"},
		"bomb of several":       {[]zipped{{name: "a", size: maxZipBytes - 1, content: "a"}, {name: "b", content: "bb"}}, "b", "more than 1G"},
		"bomb over all numbers": {[]zipped{{name: "a", content: "a"}, {name: "b", content: "b", size: math.MaxUint64}}, "b", "more than 1G"},
		"holds more than said":  {[]zipped{{name: "a", content: bomb, method: zip.Deflate, size: 10}}, "a", "damaged"},
		"holds less than said":  {[]zipped{{name: "a", content: "abc", method: zip.Deflate, size: 10}}, "a", "damaged"},
		"wrong checksum":        {[]zipped{{name: "a", content: "abc", crc: 7}}, "a", "damaged"},
		"rules that are a bomb": {[]zipped{{name: ".cfignore", content: bomb, method: zip.Deflate, size: 10}}, ".cfignore", "damaged"},
		"link that is a bomb":   {[]zipped{{name: "a", content: bomb, method: zip.Deflate, size: 10, mode: fs.ModeSymlink | 0o777}}, "a", "damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := zipFileOf(t, "app.zip", append(slices.Clone(tt.entries), other)...)
			_, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
			var bad *ZipError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v, want a ZipError", err)
			}
			if bad.Zip != file || bad.Entry != tt.entry || !strings.Contains(bad.Reason, tt.reason) || bad.Fix == "" {
				t.Errorf("%+v, want entry %q, a reason with %q, and what to do", bad, tt.entry, tt.reason)
			}
			if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), bad.Fix) {
				t.Errorf("%v: does not name the zip and what to do", err)
			}
		})
	}
}

func TestScanZipBigRules(t *testing.T) {
	t.Parallel()
	file := zipFileOf(t, "app.zip", zipped{name: ".cfignore", content: strings.Repeat("a\n", maxIgnoreFile), method: zip.Deflate}, zipped{name: "a"})
	_, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
	var bad *ZipError
	if !errors.As(err, &bad) || bad.Entry != ".cfignore" || !strings.Contains(err.Error(), "one pattern a line") {
		t.Errorf("%v, want a ZipError about the ignore rules", err)
	}
}

func TestScanNoZip(t *testing.T) {
	t.Parallel()
	whole := string(zipBytes(t, zipped{name: "a", content: strings.Repeat("a", 100)}, zipped{name: "b", content: "b"}))
	tests := map[string]struct{ content, kind string }{
		"a.tar":    {strings.Repeat("\x00", 257) + "ustar\x0000", "a tar file"},
		"a.tgz":    {"\x1f\x8b\x08\x00", "a gzip file"},
		"tzst.zip": {"\x28\xb5\x2f\xfd", "a zstd file"},
		"a.bz2":    {"BZh9", "a bzip2 file"},
		"a.xz":     {"\xfd7zXZ\x00", "an xz file"},
		"a.7z":     {"7z\xbc\xaf\x27\x1c", "a 7z file"},
		"a.rar":    {"Rar!\x1a\x07\x00", "a rar file"},
		"a.py":     {"print(1)\n", "a file, and no zip"},
		"b.zip":    {"", "an empty file"},
		"cut.zip":  {whole[:len(whole)-30], ""},
		"two.zip":  {whole[:120], ""},
	}
	for name, tt := range tests {
		file := filepath.Join(t.TempDir(), name)
		write(t, file, tt.content, 0o644)
		_, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
		var none *NotZipError
		var bad *ZipError
		switch {
		case tt.kind == "" && (!errors.As(err, &bad) || !errors.Is(err, zip.ErrFormat) || !strings.Contains(err.Error(), "download it again")):
			t.Errorf("%s: %v, want a ZipError of a zip that was cut", name, err)
		case tt.kind != "" && (!errors.As(err, &none) || none.Kind != tt.kind || none.Path != file || !strings.Contains(err.Error(), "folder")):
			t.Errorf("%s: %v, want a NotZipError: %s", name, err, tt.kind)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	var none *NotZipError
	if _, err := Scan(t.Context(), pipe, ScanOptions{Ignore: true}); !errors.As(err, &none) {
		t.Errorf("a pipe: %v, want a NotZipError", err)
	}
}

// The directory of a zip names places in the file; anything may be there.
func TestScanZipWithoutItsEntries(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]zipped{
		"file":  {{name: "a", content: "A"}, {name: "b", content: "B"}},
		"link":  {{name: "a", content: "A", mode: fs.ModeSymlink | 0o777}, {name: "b", content: "B"}},
		"rules": {{name: ".cfignore", content: "A"}, {name: "b", content: "B"}, {name: "c", content: "C"}},
	} {
		file := filepath.Join(t.TempDir(), "app.zip")
		write(t, file, strings.Replace(string(zipBytes(t, entries...)), "PK\x03\x04", "XX\x03\x04", 1), 0o644)
		_, err := Scan(t.Context(), file, ScanOptions{Ignore: true})
		var bad *ZipError
		if !errors.As(err, &bad) || bad.Entry != entries[0].name || !errors.Is(err, zip.ErrFormat) {
			t.Errorf("%s: %v, want a ZipError of %q", name, err, entries[0].name)
		}
	}
}

// Which errors are the zip's own, and which its file system's.
func TestZipDamagedOrUnreadable(t *testing.T) {
	t.Parallel()
	z := &zipFile{info: archive.Info{Path: "/x/app.zip"}}
	f := &zip.File{FileHeader: zip.FileHeader{Name: "a"}}
	var bad *ZipError
	if err := z.damaged(f, zip.ErrChecksum); !errors.As(err, &bad) || !errors.Is(err, zip.ErrChecksum) {
		t.Errorf("a wrong checksum: %v, want a ZipError", err)
	}
	if err := z.damaged(f, &fs.PathError{Op: "read", Path: "/x/app.zip", Err: syscall.EIO}); errors.As(err, &bad) || !errors.Is(err, syscall.EIO) {
		t.Errorf("a broken disk: %v, want EIO and no ZipError", err)
	}
	if err := z.damaged(f, &fs.PathError{Op: "readat", Path: "/x/app.zip", Err: errors.New("negative offset")}); !errors.As(err, &bad) {
		t.Errorf("an offset below zero: %v, want a ZipError", err)
	}
}
