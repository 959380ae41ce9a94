package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

var jobIDPattern = regexp.MustCompile(`^[a-z0-9-]{1,50}$`)

// JobID is the Nomad job id of an app: its name if that matches
// [a-z0-9-]{1,50}, else a slug of it (at most 41 characters), "-" and 8 hex
// digits of the name's sha256. Variable paths allow no dots, blanks or
// unicode, and service names are DNS labels.
func JobID(name string) string {
	if jobIDPattern.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digits := hex.EncodeToString(sum[:4])
	if s := slug(name, 41); s != "" {
		return s + "-" + digits
	}
	return "app-" + digits
}

// slug makes a DNS label of at most limit characters of a name: lower case,
// everything that is not a letter of ASCII or a digit becomes one "-".
func slug(name string, limit int) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		} else {
			dash = true
		}
	}
	s := b.String()
	if len(s) > limit {
		s = strings.TrimRight(s[:limit], "-")
	}
	return s
}

// indexed is the path of an element of a list.
func indexed(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
