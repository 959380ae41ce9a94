// Package dockertest gives tests a Docker engine and images that they build
// themselves: nothing is pulled.
package dockertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/testneed"
	"wadi/internal/testwait"
)

// Missing says why this machine has no Docker engine, nil if it has one. One
// that WADI_TEST_REQUIRE names counts as there: without it the test has to
// fail.
func Missing() error {
	if testneed.Required("docker") {
		return nil
	}
	return ping()
}

// Need skips the test on a machine without a Docker engine, with the reason;
// WADI_TEST_REQUIRE=docker makes that a failure.
func Need(t testing.TB) {
	t.Helper()
	err := ping()
	switch {
	case err == nil:
	case Missing() == nil:
		t.Fatalf("%s asks for Docker: %v", testneed.Var, err)
	default:
		t.Skipf("no Docker engine on this machine: %v", err)
	}
}

func ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return call(ctx, http.MethodGet, "/_ping", nil)
}

// OnNode waits until the nodes of this Nomad have noticed the engine.
func OnNode(t testing.TB, c *api.Client) {
	t.Helper()
	var last string
	healthy := testwait.For(func() bool {
		nodes, _, err := c.Nodes().List(nil)
		if err != nil {
			last = err.Error()
		}
		for _, n := range nodes {
			driver := n.Drivers["docker"]
			if driver != nil && driver.Healthy {
				return true
			}
			if driver != nil {
				last = driver.HealthDescription
			}
		}
		return false
	})
	if !healthy {
		t.Fatalf("no node of Nomad has a healthy docker driver: %s", last)
	}
}

// Import makes an image of a root file system (tar) and answers its name.
// changes are lines of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, USER,
// WORKDIR. The image is removed when the test ends.
func Import(t testing.TB, rootfs []byte, changes ...string) string {
	t.Helper()
	Need(t)
	tag := strings.ToLower(rand.Text()[:12])
	query := url.Values{"fromSrc": {"-"}, "repo": {"wadi-test"}, "tag": {tag}, "changes": changes}
	if err := call(context.Background(), http.MethodPost, "/images/create?"+query.Encode(), bytes.NewReader(rootfs)); err != nil {
		t.Fatalf("make an image: %v", err)
	}
	name := "wadi-test:" + tag
	t.Cleanup(func() {
		var err error
		removed := testwait.For(func() bool { // a container of it may be about to go
			err = call(context.Background(), http.MethodDelete, "/images/"+name+"?force=true", nil)
			return err == nil
		})
		if !removed {
			t.Errorf("remove the image: %v", err)
		}
	})
	return name
}

// engine is the HTTP API of the engine, by its socket.
var engine = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
		if socket == "" {
			socket = "/var/run/docker.sock"
		}
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	},
}}

func call(ctx context.Context, method, path string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, body)
	if err != nil {
		return err
	}
	resp, err := engine.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	// an import reports errors in its progress, with status 200
	var last struct{ Error string }
	for line := range strings.Lines(string(text)) {
		if json.Unmarshal([]byte(line), &last) == nil && last.Error != "" {
			return fmt.Errorf("%s %s: %s", method, path, last.Error)
		}
	}
	return nil
}
