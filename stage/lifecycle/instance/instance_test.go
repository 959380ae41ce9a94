package instance

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/internal/testport"
	"wadi/stage/lifecycle"
)

func TestSidecarsFor(t *testing.T) {
	t.Parallel()
	files := []lifecycle.Sidecar{{Name: "a", ProcessTypes: []string{"web"}, Command: "files'"}, {Name: "b", ProcessTypes: []string{"worker"}}}
	droplet := []lifecycle.Sidecar{{Name: "c", ProcessTypes: []string{"worker", "web"}}, {Name: "d", ProcessTypes: []string{"worker"}}}
	want := []lifecycle.Sidecar{files[0], droplet[0]}
	if diff := cmp.Diff(want, sidecarsFor("web", files, droplet)); diff != "" {
		t.Error(diff)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	sidecars := []lifecycle.Sidecar{{MemoryMB: 64}, {}, {MemoryMB: 36}}
	if got := mainMemory(512, sidecars); got != 412 {
		t.Errorf("main %d", got)
	}
	if own, all := sidecarMemory(512, sidecars[0]), sidecarMemory(512, sidecars[1]); own != 64 || all != 512 {
		t.Errorf("sidecars %d, %d", own, all)
	}
}

func TestProcessID(t *testing.T) {
	t.Parallel()
	app := json.RawMessage(`"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`)
	web, worker := processID(app, "web"), processID(app, "worker")
	if web != "6ba7b810-9dad-11d1-80b4-00c04fd430c8" || worker == web || worker != processID(app, "worker") || len(worker) != 36 {
		t.Errorf("web %s, worker %s", web, worker)
	}
}

func TestLocalIP(t *testing.T) {
	t.Parallel()
	loopback := net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)}
	v6 := net.IPNet{IP: net.ParseIP("fe80::1"), Mask: net.CIDRMask(64, 128)}
	lan := net.IPNet{IP: net.IPv4(172, 17, 0, 2), Mask: net.CIDRMask(16, 32)}
	all := []net.Addr{&loopback, &v6, &lan}
	for name, c := range map[string]struct {
		addresses  []net.Addr
		nodeIP     string
		ownNetwork bool
		want       string
	}{
		"the node's":                    {all, "172.17.0.2", false, "172.17.0.2"},
		"loopback":                      {all, "127.0.0.9", false, "127.0.0.9"},
		"a network of its own":          {all, "192.0.2.1", false, "172.17.0.2"},
		"its own, mapped from loopback": {all, "127.0.0.1", true, "172.17.0.2"},
		"no network":                    {[]net.Addr{&loopback, &v6}, "127.0.0.1", true, ""},
	} {
		got, err := localIP(c.addresses, c.nodeIP, c.ownNetwork)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLoadTaskSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := loadTask(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "runs as a Nomad task") {
		t.Errorf("error %v", err)
	}
}

// TestProbeHTTP has what healthcheck of Cloud Foundry lets pass.
func TestProbeHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") != "diego-healthcheck" || r.Header.Get("X-Forwarded-Proto") != "https" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/redirect":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/":
		default:
			code, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			if err != nil {
				code = http.StatusTeapot
			}
			w.WriteHeader(code)
		}
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	prefix := "failed to make HTTP request to '"
	for endpoint, want := range map[string]string{
		"": "", "/": "", "/redirect": "",
		"/204":  prefix + "/204' on port " + address.Port() + ": received status code 204 in ",
		"/500":  prefix + "/500' on port " + address.Port() + ": received status code 500 in ",
		"/slow": prefix + "/slow' on port " + address.Port() + ": timed out after 1.00 seconds",
	} {
		check := lifecycle.Check{Type: "http", Endpoint: endpoint, InvocationTimeoutS: 180}
		if endpoint == "/slow" {
			check.InvocationTimeoutS = 0 // a second
		}
		err := probe(t.Context(), check, "127.0.0.1", port)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", endpoint, err, want)
		}
	}
}

func TestProbeClosedPort(t *testing.T) {
	t.Parallel()
	port := testport.Free(t)
	text := strconv.Itoa(port)
	for kind, want := range map[string]string{
		"port": "failed to make TCP connection to 127.0.0.1:" + text + ": connection refused",
		"http": "failed to make HTTP request to '/' on port " + text + ": connection refused",
	} {
		if err := probe(t.Context(), lifecycle.Check{Type: kind}, "127.0.0.1", port); err == nil || err.Error() != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestMonitorEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := &monitor{board: newBoard("a", "g"), host: "127.0.0.1", log: io.Discard, health: lifecycle.Check{Type: "process"}}
	ended := make(chan *unhealthyError, 1)
	stopped, cancel := context.WithCancel(t.Context())
	go func() { ended <- m.run(stopped) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
