package stage

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	ignore "github.com/sabhiram/go-gitignore"
)

func TestIgnored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		lines   string
		ignored []string
		kept    []string
	}{
		{
			name: "defaults at any depth",
			ignored: []string{".cfignore", ".DS_Store", ".git", ".git/config", ".gitignore", ".hg", ".svn", "_darcs", "manifest.yaml", "manifest.yml",
				"a/manifest.yml", "a/b/.git/HEAD", "a/.DS_Store"},
			kept: []string{"manifest.json", "vars.yml", "manifest-dev.yml", ".github/x", "git", ".gitignored", ".wadi.yaml"},
		},
		{"defaults cannot be re-included", "!.git\n!manifest.yml\n!.cfignore", []string{".git/config", "manifest.yml", ".cfignore"}, nil},
		{"a name: any depth, and what is below", "foo", []string{"foo", "a/foo", "foo/a", "a/foo/b/c"}, []string{"food", "afoo", "foo.txt"}},
		{"anchored", "/foo", []string{"foo", "foo/a"}, []string{"a/foo", "a/foo/b"}},
		{"slash at the end: what is below, not the entry", "foo/", []string{"foo/a", "a/foo/b"}, []string{"foo", "a/foo"}},
		{"anchored, slash at the end", "/foo/", []string{"foo/a"}, []string{"foo", "b/foo/a"}},
		{"the last match wins", "*.log\n!keep.log\nkeep.log", []string{"keep.log", "a.log"}, nil},
		{"re-included file", "*.log\n!keep.log", []string{"a.log", "d/a.log"}, []string{"keep.log", "d/keep.log"}},
		{"re-included below an ignored folder", "logs\n!logs/keep", []string{"logs", "logs/a", "logs/d/keep"}, []string{"logs/keep", "a/logs/keep"}},
		{"a path is not anchored", "docs/readme", []string{"docs/readme", "x/docs/readme"}, []string{"docs/readme2", "readme"}},
		{"a path with *. is", "docs/*.txt", []string{"docs/a.txt"}, []string{"x/docs/a.txt", "docs/b/a.txt"}},
		{"question mark is literal", "a?c", []string{"a?c"}, []string{"abc", "ac"}},
		{"class", "[ex]file", []string{"efile", "xfile", "d/efile"}, []string{"afile"}},
		{"star stays in its folder", "/a/*/c", []string{"a/b/c"}, []string{"a/b/b/c"}},
		{"star in a name", "*.pyc", []string{"a.pyc", "d/b.pyc"}, []string{"a.py"}},
		{"two stars in front", "**/foo", []string{"foo", "a/foo", "a/b/foo"}, []string{"food"}},
		{"two stars behind", "foo/**", []string{"foo/a", "foo/a/b"}, []string{"food/a"}},
		{"two stars between", "a/**/b", []string{"a/b", "a/x/b", "a/x/y/b"}, []string{"a/xb"}},
		{"dot slash never matches", "./foo", nil, []string{"foo", "a/foo"}},
		{"blanks around", "  foo  \n\tbar", []string{"foo"}, []string{"bar"}},
		{"comments and empty lines", "# foo\n\n#bar", nil, []string{"foo", "bar", "# foo"}},
		{"escaped marks", "\\#foo\n\\!bar", []string{"#foo", "!bar"}, []string{"foo", "bar"}},
		{"carriage returns", "foo\r\nbar\r", []string{"foo", "bar"}, nil},
		{"dots are literal", "a.b", []string{"a.b"}, []string{"axb"}},
		{"a bare mark", "foo\n!", []string{"foo"}, nil},
		{"no pattern at all", "[", nil, []string{"[", "a"}},
		{"bytes that are no text", "\xff*", []string{}, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := parseRules(tt.lines)
			for _, p := range tt.ignored {
				if !r.ignored(p) {
					t.Errorf("%q is kept", p)
				}
			}
			for _, p := range tt.kept {
				if r.ignored(p) {
					t.Errorf("%q is ignored", p)
				}
			}
		})
	}
}

func TestEnters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		lines string
		yes   []string
		no    []string
	}{
		{"", []string{"a", "node_modules"}, []string{".git", "a/.svn", "a/manifest.yml"}},
		{"node_modules", []string{"a"}, []string{"node_modules", "a/node_modules", "node_modules/x"}},
		{"node_modules/", []string{"a"}, []string{"node_modules", "a/node_modules"}},
		{"logs\n!logs/keep", []string{"logs", "logs/d"}, []string{".git"}},
		{"/logs\n!/logs/keep/*.txt", []string{"logs", "logs/keep"}, []string{"logs/other"}},
		{"/logs\n/cache\n!/logs/keep", []string{"logs"}, []string{"cache"}},
		{"!/logs/keep\n/logs", nil, []string{"logs"}},
		{"*\n!*.go", []string{"a", "a/b"}, nil},
		{"/*\n!/src", []string{"src", "src/a"}, []string{"doc"}},
		{"/*\n!/sr*", []string{"src"}, []string{"doc"}},
		{"foo/**/", []string{"foo"}, nil},
		{"!.git/config", nil, []string{".git"}},
	}
	for _, tt := range tests {
		r := parseRules(tt.lines)
		for _, p := range tt.yes {
			if !r.enters(p) {
				t.Errorf("%q: does not enter %q", tt.lines, p)
			}
		}
		for _, p := range tt.no {
			if r.enters(p) {
				t.Errorf("%q: enters %q", tt.lines, p)
			}
		}
	}
}

// checkRules holds the rules against the library with all lines at once, and
// the decision not to enter a folder against what lies below it.
func checkRules(t *testing.T, lines string, paths []string) {
	t.Helper()
	defaults := []string{".cfignore", ".DS_Store", ".git", ".gitignore", ".hg", ".svn", "_darcs", "manifest.yaml", "manifest.yml"}
	want := ignore.CompileIgnoreLines(append(strings.Split(lines, "\n"), defaults...)...)
	wantZip := ignore.CompileIgnoreLines(append(slices.Clone(defaults), strings.Split(lines, "\n")...)...)
	r, inZip := parseRules(lines), parseZipRules(lines)
	for _, p := range paths {
		if got, want := inZip.ignored(p), wantZip.MatchesPath(p); got != want {
			t.Errorf("rules %q in a zip, path %q: ignored %v, the library says %v", lines, p, got, want)
		}
		if got, want := r.ignored(p), want.MatchesPath(p); got != want {
			t.Errorf("rules %q, path %q: ignored %v, the library says %v", lines, p, got, want)
		}
		if want.MatchesPath(p) {
			continue
		}
		for i, c := range p {
			if c == '/' && !r.enters(p[:i]) {
				t.Errorf("rules %q: %q is kept, but %q not entered", lines, p, p[:i])
			}
		}
	}
}

// samplePaths are all paths of up to three of a few names.
func samplePaths() []string {
	names := []string{"a", "ab", "a.b", ".git", "x.log", "#a", " a"}
	paths := slices.Clone(names)
	for _, x := range names {
		for _, y := range names {
			paths = append(paths, x+"/"+y)
			for _, z := range names {
				paths = append(paths, x+"/"+y+"/"+z)
			}
		}
	}
	return paths
}

func TestRulesAgainstLibrary(t *testing.T) {
	t.Parallel()
	parts := []string{"a", "b", "/", "/", "*", "**", "**/", "/**", ".", ".log", "!", "#", "\\", "?", " ", "[ab]", "[^a]", "+", "|", "(", ")", "{0}", "$", "^", ".git", "\n", "\n", "\n!", "\n/", "\n!/", "a/", "x"}
	paths := samplePaths()
	r := rand.New(rand.NewPCG(7, 11))
	for range 100 {
		var b strings.Builder
		for range 1 + r.IntN(10) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		checkRules(t, b.String(), paths)
	}
}

func FuzzRules(f *testing.F) {
	f.Add("logs\n!logs/keep", "logs/keep")
	f.Add("/*\n!/a|b\n", "a/b/c")
	f.Add("!!a\n! a\n!#a\\ ", "#a")
	paths := samplePaths()[:56]
	f.Fuzz(func(t *testing.T, lines, path string) {
		if strings.Contains(path, "\n") || path == "" || strings.Contains("/"+path+"/", "//") {
			path = "a"
		}
		checkRules(t, lines, append(paths, path))
	})
}
