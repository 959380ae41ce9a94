package reconcile

import (
	"fmt"
	"strings"

	"wadi/stage/lifecycle"
)

// whyNeverHealthy finds what the last probe said in the lines that an
// instance's supervisor wrote, with what to do about it; "" = they don't say.
// ports are those of an app of an image.
func whyNeverHealthy(log []string, ports []int) string {
	for i := len(log) - 1; i >= 0; i-- {
		said, ok := strings.CutPrefix(log[i], "ERR "+lifecycle.NeverHealthy)
		if !ok {
			continue
		}
		_, probe, _ := strings.Cut(said, ": ")
		switch {
		case !strings.Contains(probe, "refused") && !strings.Contains(probe, "timed out"):
			return probe
		case len(ports) > 1 && strings.Contains(probe, "TCP"):
			return fmt.Sprintf("%s (the health check `port` wants an answer from every TCP port that the image exposes, on 0.0.0.0: %s; `process` looks at none)", probe, PortsText(ports))
		}
		return probe + " (an app listens on 0.0.0.0:$PORT)"
	}
	return ""
}
