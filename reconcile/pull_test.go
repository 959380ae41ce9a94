package reconcile

import (
	"strings"
	"testing"
	"time"
)

// What engines say of registries, and whether it may be otherwise soon.
func TestPullAgain(t *testing.T) {
	t.Parallel()
	const start = "instance web #0 (38f74ab1) could not start: Failed to pull `r.example.com/a@sha256:0`: Error response from daemon: "
	for reason, want := range map[string]bool{
		start + "received unexpected HTTP status: 503 Service Unavailable":                                                                      true,
		start + "toomanyrequests: You have reached your pull rate limit":                                                                        true,
		start + `Get "https://r.example.com/v2/": dial tcp 10.0.0.1:443: connect: connection refused`:                                           true,
		start + `Get "https://r.example.com/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded)`:            true,
		start + `Head "https://r.example.com/v2/a/manifests/1": EOF`:                                                                            true,
		"StagingError: the staging task could not start: Failed to pull `r/a`: read tcp 10.0.0.1:443: read: connection reset by peer":           true,
		start + "manifest unknown: manifest unknown":                                                                                            false,
		start + "unauthorized: authentication required":                                                                                         false,
		start + "http: server gave HTTP response to HTTPS client":                                                                               false,
		start + "failed to register layer: Error processing tar file(exit status 1): archive/tar: invalid tar header":                           false,
		start + `Get "https://r.example.com/v2/": dial tcp: lookup r.example.com: no such host`:                                                 false,
		"instance web #0 (38f74ab1) never became healthy in its start timeout: failed to make TCP connection to 172.17.0.2: connection refused": false,
	} {
		for attempt, wait := range append(pullWaits, 0) {
			got, again := pullAgain(attempt+1, reason)
			if again != (want && wait > 0) || again && (got != wait || got < time.Second) {
				t.Errorf("attempt %d of %s: %v, %v", attempt+1, reason, got, again)
			}
		}
	}
	for reason, want := range map[string]string{
		"archive/tar: invalid tar header":                      "Docker 23",
		"failed to register layer: no space left on device":    "look at the node",
		"received unexpected HTTP status: 500 Internal Server": "insecure-registries",
	} {
		if got := whyNotPulled(start + reason); !strings.Contains(got, want) {
			t.Errorf("%s: %s", reason, got)
		}
	}
}
