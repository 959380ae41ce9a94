package launch

import (
	"flag"
	"strings"
	"time"
)

// CredHubFlags adds the flags that Cloud Foundry gives its builder and
// launcher for CredHub. They have no effect: there is none here.
func CredHubFlags(flags *flag.FlagSet) {
	const usage = "accepted and without effect: there is no CredHub"
	for _, name := range Spellings("credhubConnectAttempts") {
		flags.Int(name, 3, usage)
	}
	for _, name := range Spellings("credhubRetryDelay") {
		flags.Duration(name, time.Second, usage)
	}
}

// Spellings are Cloud Foundry's name of a flag and ours: buildDir, build-dir.
func Spellings(name string) []string { return []string{name, Kebab(name)} }

// Kebab is our spelling of the name of a flag of Cloud Foundry's.
func Kebab(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
