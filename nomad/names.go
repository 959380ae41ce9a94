package nomad

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// GroupName is the Nomad group of a process type. Types that are no DNS
// label get a hash, so that two never share a group.
func GroupName(processType string) string { return slug(processType, 20) }

// serviceName is the name under which a group is found: the job's for web,
// else "<job>-<group>-<hash>"; always a DNS label.
func serviceName(jobID, group string) string {
	if group == "web" {
		return slug(jobID, 63)
	}
	// the hash keeps it apart from an app that is called so
	return slug(jobID+"-"+group, 54) + "-" + shortHash(jobID+"\x00"+group)
}

// slug is s if it is a DNS label of at most n characters, else as much of it
// as fits and 8 hex digits of its sha256.
func slug(s string, n int) string {
	label := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if label == s && s != "" && len(s) <= n {
		return s
	}
	sum := shortHash(s)
	if keep := n - len(sum) - 1; len(label) > keep {
		label = strings.Trim(label[:keep], "-")
	}
	if label == "" {
		return "x-" + sum
	}
	return label + "-" + sum
}

// shortHash is 8 hex digits of a text's sha256.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
