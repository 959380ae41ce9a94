package remote

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Kind is what an Address leads to.
type Kind int

// The kinds of addresses.
const (
	Git     Kind = iota // a repository
	Archive             // a zip or tar file
)

// Address says where a source lies. Nothing but user, password and URL may be
// secret, and they are never printed: Shown is.
type Address struct {
	Kind Kind
	// Shown is the address for people: without user and password (of https),
	// and with "?…" in place of a query, in which tokens stand, too.
	Shown string
	Ref   string // git: branch, tag or commit; "" = the default branch

	url            string // as git and HTTP get it: no password, no fragment
	host           string // scheme://host[:port], what a password is for
	user, password string // of https and http
}

// scpLike is git's short form of an ssh address: git@host:owner/repository.
var scpLike = regexp.MustCompile(`^([^/\s@:]+)@([^/\s:@]+):([^#]+)(?:#(.*))?$`)

// transport is git's way to name a program that fetches: ext::command.
var transport = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*::`)

// IsAddress reports whether the text is written as an address, whether or not
// Parse takes it.
func IsAddress(text string) bool {
	return strings.Contains(text, "://") || scpLike.MatchString(text) || transport.MatchString(text)
}

// archiveNames are the ends of paths that are archives; all else is git, as
// in Cloud Foundry, which knows .zip alone.
var archiveNames = []string{".zip", ".tgz", ".tar.gz", ".tar"}

// isArchiveName reports whether a path ends as archives do.
func isArchiveName(name string) bool {
	for _, end := range archiveNames {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return true
		}
	}
	return false
}

// Hosts and users become part of git's configuration and of ssh's arguments:
// what else a URL allows in them could be taken for more than a name.
var (
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?$`)
	userPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
)

// AddressError says why an address is refused.
type AddressError struct {
	Shown  string // without secrets
	Reason string // and what to do
}

func (e *AddressError) Error() string { return fmt.Sprintf("%s: %s", e.Shown, e.Reason) }

// Parse reads an address: https://…, ssh://…, git@host:path, all with #ref
// for git, or http(s)://….zip and the like. The error is an *AddressError.
func Parse(text string) (Address, error) {
	refuse := func(format string, args ...any) (Address, error) {
		return Address{}, &AddressError{Shown: redact(text), Reason: fmt.Sprintf(format, args...)}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return refuse("there is a control character in it: remove it")
	}
	if m := scpLike.FindStringSubmatch(text); m != nil && !strings.Contains(text, "://") {
		return parseSCP(text, m)
	}
	if transport.MatchString(text) {
		return refuse("git transports with :: start programs and are never used: write https://… or ssh://…")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return refuse("it is no address: characters such as # / @ : in a user or password are written %%23 %%2F %%40 %%3A")
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return refuse("%s:// is not supported: a repository is written https://… or ssh://…, an archive https://….zip or .tgz", u.Scheme)
	case u.Hostname() == "":
		return refuse("it names no host: write https://host/path")
	case u.User == nil && u.Port() != "" && strings.Contains(u.Fragment, "@"):
		return refuse("it looks like a password with # in it: # is written %%23 there")
	case !hostPattern.MatchString(u.Host):
		return refuse("its host is no name or address of a machine")
	case u.Scheme == "ssh" && u.User != nil && !userPattern.MatchString(u.User.Username()):
		return refuse("its user is no name of a user")
	case u.User != nil && strings.ContainsFunc(u.User.String()+userText(u.User), func(r rune) bool { return r < ' ' }):
		return refuse("there is a control character in its user or password: remove it")
	}
	a := Address{Ref: u.Fragment, url: text, host: u.Scheme + "://" + u.Host}
	if isArchiveName(u.Path) {
		a.Kind = Archive
	}
	if reason := a.take(u); reason != "" {
		return refuse("%s", reason)
	}
	a.Shown = show(u)
	return a, checkRef(a)
}

// take fills in what depends on the scheme, or says why that is refused.
func (a *Address) take(u *url.URL) (reason string) {
	bare := *u
	bare.Fragment, bare.RawFragment = "", ""
	password, has := u.User.Password()
	switch u.Scheme {
	case "https", "http":
		a.user, a.password = u.User.Username(), password
		bare.User = nil
		if u.Scheme == "http" && a.Kind == Git {
			return "git is used over https and ssh alone: write https://…"
		}
		if u.Scheme == "http" && u.User != nil {
			return "a user or password is not sent without encryption: write https://…"
		}
	case "ssh":
		if has {
			return "ssh takes no password from an address: use a key, with ssh-agent or ~/.ssh/config"
		}
		a.Kind = Git
	}
	if a.Kind == Archive && u.Fragment != "" {
		return "an archive has no branches: remove what follows #, or give the repository"
	}
	a.url = bare.String()
	return ""
}

func parseSCP(text string, m []string) (Address, error) {
	user, host, path, ref := m[1], m[2], m[3], m[4]
	if !userPattern.MatchString(user) || !hostPattern.MatchString(host) || strings.HasPrefix(path, "-") {
		return Address{}, &AddressError{Shown: text, Reason: "its user, host or path is none: write git@host:owner/repository.git"}
	}
	a := Address{Kind: Git, Shown: text, Ref: ref, url: user + "@" + host + ":" + path, host: "ssh://" + host}
	return a, checkRef(a)
}

// Hide makes an address that came out of a sensitive variable print no more
// than its host.
func (a Address) Hide() Address {
	a.Shown = a.host + "/(sensitive)"
	return a
}

// Identity tells two addresses apart that are shown alike. It has no password
// in it, but may hold what is not to be shown.
func (a Address) Identity() string { return a.url + "#" + a.Ref }

// Name is a short name for the source: the last part of its path.
func (a Address) Name() string {
	name := path.Base(strings.TrimRight(a.url, "/"))
	name, _, _ = strings.Cut(name, "?")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	for _, end := range append([]string{".git"}, archiveNames...) {
		if short, ok := strings.CutSuffix(name, end); ok && short != "" {
			return short
		}
	}
	return name
}

// refPattern is what a branch, tag or commit may look like; git's own rules
// (check-ref-format) are narrower in some places.
var refPattern = regexp.MustCompile(`^[^\s~^:?*\[\\\x00-\x20\x7f-]([^\s~^:?*\[\\\x00-\x20\x7f]*)$`)

func checkRef(a Address) error {
	if a.Ref == "" {
		return nil
	}
	if !refPattern.MatchString(a.Ref) || strings.Contains(a.Ref, "..") || strings.Contains(a.Ref, "@{") || strings.HasSuffix(a.Ref, "/") {
		return &AddressError{Shown: a.Shown, Reason: "what follows # is not the name of a branch or tag, nor a commit"}
	}
	return nil
}

func userText(u *url.Userinfo) string {
	password, _ := u.Password()
	return u.Username() + password
}

// show prints an address without what may be secret in it. The user of ssh is
// none: it has no password.
func show(u *url.URL) string {
	out := u.Scheme + "://"
	if u.Scheme == "ssh" && u.User != nil {
		out += u.User.Username() + "@"
	}
	out += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		out += "?…"
	}
	if u.Fragment != "" {
		out += "#" + u.Fragment
	}
	return out
}

// redact is show for what may be no address at all.
func redact(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" && !strings.Contains(u.Fragment, "@") {
		return show(u)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if before, _, has := strings.Cut(rest, "?"); has {
		rest = before + "?…"
	}
	return scheme + "://" + rest
}
