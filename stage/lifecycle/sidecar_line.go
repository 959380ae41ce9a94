package lifecycle

import "strings"

// A sidecar shares the log of its instance, so each of its lines begins with
// its name: "[SIDECAR proxy] ".
const (
	sidecarOpen  = "[SIDECAR "
	sidecarClose = "] "
)

// SidecarPrefix begins the lines of the sidecar.
func SidecarPrefix(name string) string { return sidecarOpen + name + sidecarClose }

// CutSidecar takes the name of the sidecar off a line of an instance's log;
// "" for lines of the process itself.
func CutSidecar(line string) (name, rest string) {
	after, ok := strings.CutPrefix(line, sidecarOpen)
	if !ok {
		return "", line
	}
	name, rest, ok = strings.Cut(after, sidecarClose)
	if !ok || name == "" {
		return "", line
	}
	return name, rest
}
