package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFileSize is Cloud Foundry's limit for a manifest.
const maxFileSize = 1 << 20

const tooLarge = "Bad request: Manifest size is too large. The maximum supported size is 1MB."

// source is one file that was read; it makes diagnostics with positions.
type source struct {
	path  string // absolute, as given
	dir   string // folder of the file after symbolic links: relative paths start here
	data  []byte
	lines []string
	diags *Diagnostics
	fs    FS
	// secretFrom has, by line, the byte from which on it is not shown.
	secretFrom map[int]int
}

func (s *source) add(sev Severity, n *node, summary, detail string) {
	d := Diagnostic{Severity: sev, Summary: summary, Detail: detail, File: s.path}
	if n != nil {
		d.Line, d.Column, d.Width, d.Field = n.line, n.col, n.width, n.field
	}
	d.SourceLine = s.shown(d.Line)
	*s.diags = append(*s.diags, d)
}

// shown is the text of a line as people may see it; "" = there is none.
func (s *source) shown(line int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	text := s.lines[line-1]
	if end, ok := s.secretFrom[line]; ok && end < len(text) {
		text = text[:end] + "…"
	}
	text = urlUser.ReplaceAllString(text, "${1}***@")
	return urlQuery.ReplaceAllString(text, "${1}***")
}

// What may be a secret of a URL in a line: a buildpack's user and password, or
// a token in its query.
var (
	urlUser  = regexp.MustCompile(`(://)[^\s/?#"']+@`)
	urlQuery = regexp.MustCompile(`(://[^\s?#"']+\?)[^\s#"'\]},]+`)
)

// hideFrom cuts the line of a value before it wherever the line is shown: it is
// a secret.
func (s *source) hideFrom(value *node) {
	if s.secretFrom == nil {
		s.secretFrom = map[int]int{}
	}
	s.secretFrom[value.line] = max(value.col-1, 0)
}

func (s *source) pos(n *node) Pos {
	return Pos{File: s.path, Line: n.line, Column: n.col, source: s, width: n.width}
}

// open reads a file of at most 1 MiB; the answer is nil after an error.
func (l *loader) open(path string) *source {
	s := &source{path: path, dir: filepath.Dir(path), diags: &l.diags, fs: l.fs}
	if real, err := l.fs.EvalSymlinks(path); err == nil {
		s.dir = filepath.Dir(real)
	}
	info, err := l.fs.Stat(path)
	if err == nil && info.IsDir() {
		l.fail(path, fmt.Sprintf("%s is a folder, not a file", filepath.Base(path)), "Rename the folder, or give the file to read.")
		return nil
	}
	if err != nil {
		l.failRead(path, err)
		return nil
	}
	f, err := l.fs.Open(path)
	if err != nil {
		l.failRead(path, err)
		return nil
	}
	defer f.Close()
	s.data, err = io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		l.failRead(path, err)
		return nil
	}
	if len(s.data) > maxFileSize {
		l.fail(path, tooLarge, "Split the file: several PATHs may be given.")
		return nil
	}
	s.lines = splitLines([]byte(strings.TrimPrefix(string(s.data), "\xef\xbb\xbf")))
	if !utf8.Valid(s.data) { // UTF-16, or not text: no lines to show
		s.lines = nil
	}
	l.doc.Files = append(l.doc.Files, path)
	l.sources[path] = s
	return s
}

func (l *loader) fail(path, summary, detail string) {
	l.diags = append(l.diags, Diagnostic{Severity: SeverityError, Summary: summary, Detail: detail, File: path})
}

func (l *loader) failRead(path string, err error) {
	var detail string
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.fail(path, "no such file or folder: "+path, "Check the path; wadi looks for wadi.hcl, *.wadi.hcl and manifest.yml in the folder it is given.")
		return
	case errors.Is(err, fs.ErrPermission):
		detail = "Make the file readable for this user."
	default:
		detail = "Check the file and its file system."
	}
	l.fail(path, "cannot read "+path+": "+err.Error(), detail)
}

// HasFiles says whether a folder holds files that Load would read.
func HasFiles(fsys FS, dir string) bool {
	hclFiles, manifest, err := (&loader{fs: fsys}).folderFiles(dir)
	return err == nil && (manifest != "" || len(hclFiles) > 0)
}

// folderFiles are the files of a folder that wadi reads: HCL in the order of
// their names, and the manifest. Manifest is "" if there is none.
func (l *loader) folderFiles(dir string) (hclFiles []string, manifest string, err error) {
	entries, err := l.fs.ReadDir(dir)
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case name == "wadi.hcl" || strings.HasSuffix(name, ".wadi.hcl"):
			hclFiles = append(hclFiles, filepath.Join(dir, name))
		case name == "manifest.yml", name == "manifest.yaml" && manifest == "":
			manifest = filepath.Join(dir, name)
		}
	}
	slices.Sort(hclFiles)
	return hclFiles, manifest, nil
}
