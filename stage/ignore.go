package stage

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	ignore "github.com/sabhiram/go-gitignore"
	"golang.org/x/sys/unix"
)

// ignoreFile holds an app's own rules; only the one at the root is read.
const ignoreFile = ".cfignore"

// maxIgnoreFile bounds an ignore file, in bytes.
const maxIgnoreFile = 1 << 20

// rules are Cloud Foundry's ignore rules of an app. The last line that matches
// wins. In a folder the lines of .cfignore come first and the defaults last,
// so these cannot be re-included; in an archive it is the other way round.
type rules struct {
	lines         []rule
	defaultsFirst bool
	digest        [sha256.Size]byte // of the ignore file and the order
}

// rule is one line.
type rule struct {
	pattern *ignore.GitIgnore // of this line alone, without its "!"
	negate  bool
	// odd: the line has characters that the library hands to its regular
	// expression as they are, so nothing is concluded from it.
	odd bool
	// inside: the line ends in a slash, so it matches what is in a folder
	// and not the folder itself.
	inside bool
	// prefix is what every path that a negated, anchored line matches
	// starts with; "" = anything.
	prefix string
}

// isDefault reports whether the name is one that cf never uploads.
func isDefault(name string) bool {
	switch name {
	case ignoreFile, ".DS_Store", ".git", ".gitignore", ".hg", ".svn", "_darcs", "manifest.yaml", "manifest.yml":
		return true
	}
	return false
}

// readRules reads the rules of the app at root.
func readRules(root string) (*rules, error) {
	path := filepath.Join(root, ignoreFile)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return parseRules(""), nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the ignore rules: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read the ignore rules: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read the ignore rules: %s is not a file: remove or rename it", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the ignore rules: %w", err)
	}
	if len(b) > maxIgnoreFile {
		return nil, fmt.Errorf("cannot read the ignore rules: %s has more than %d bytes: it should hold one pattern a line", path, maxIgnoreFile)
	}
	return parseRules(string(b)), nil
}

func parseRules(text string) *rules {
	r := &rules{digest: sha256.Sum256([]byte(text))}
	for line := range strings.SplitSeq(text, "\n") {
		if rule, ok := parseRule(line); ok {
			r.lines = append(r.lines, rule)
		}
	}
	return r
}

// parseZipRules gives the rules of an archive, where "!.git" works.
func parseZipRules(text string) *rules {
	r := parseRules(text)
	r.defaultsFirst = true
	r.digest = sha256.Sum256([]byte("defaults first\n" + text))
	return r
}

// parseRule reads a line as go-gitignore does. The library gives no access to
// its compiled patterns, and knowing which line matched is what allows not to
// enter ignored folders; so each line is compiled alone, in a form that means
// the same without its "!".
func parseRule(line string) (rule, bool) {
	line = strings.TrimRight(line, "\r")
	if strings.HasPrefix(line, "#") {
		return rule{}, false
	}
	line = strings.Trim(line, " ")
	text, negate := strings.CutPrefix(line, "!")
	if text != "" && (text[0] == '#' || text[0] == '!') {
		text = text[1:]
	}
	if text == "" {
		return rule{}, false
	}
	r := rule{
		negate: negate,
		odd:    strings.ContainsAny(text, `$^|(){}\`),
		inside: strings.HasSuffix(text, "/") && !strings.HasSuffix(text, "**/"),
	}
	if !r.odd {
		r.prefix = strings.TrimPrefix(literal.FindString(text), "/")
	}
	if strings.IndexByte("#! ", text[0]) >= 0 {
		text = `\` + text
	}
	r.pattern = ignore.CompileIgnoreLines(text)
	return r, true
}

// literal is the literal start of an anchored pattern.
var literal = regexp.MustCompile(`^/[^*?\[\]+#~]*`)

// ignored reports whether the path (slash separated, relative) is left out.
func (r *rules) ignored(path string) bool {
	if !r.defaultsFirst && hasDefault(path) {
		return true
	}
	for i := len(r.lines) - 1; i >= 0; i-- {
		if r.lines[i].pattern.MatchesPath(path) {
			return !r.lines[i].negate
		}
	}
	return r.defaultsFirst && hasDefault(path)
}

// hasDefault reports whether the path has a name in it that isDefault.
func hasDefault(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if isDefault(name) {
			return true
		}
	}
	return false
}

// enters reports whether anything below the folder can be in the package.
// An ignored folder is entered only if a later line could re-include some of
// it: people keep ignored folders because they are big.
func (r *rules) enters(folder string) bool {
	if isDefault(folder[strings.LastIndexByte(folder, '/')+1:]) {
		return false
	}
	for i := len(r.lines) - 1; i >= 0; i-- {
		l := r.lines[i]
		if l.negate && l.reaches(folder+"/") {
			return true
		}
		if !l.negate && l.covers(folder) {
			return false
		}
	}
	return true
}

// reaches reports whether the line could match something that starts with
// folder, which ends in a slash.
func (l rule) reaches(folder string) bool {
	return strings.HasPrefix(l.prefix, folder) || strings.HasPrefix(folder, l.prefix)
}

// covers reports whether the line matches all that is below folder.
func (l rule) covers(folder string) bool {
	if l.inside {
		folder += "/"
	}
	return !l.odd && l.pattern.MatchesPath(folder)
}
