package inspect

import (
	"encoding/pem"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A registry whose certificate Docker's engine trusts is trusted, and only that.
func TestEngineCerts(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	const host, tokens = "registry.example.com", "tokens.example.com"
	dir := t.TempDir()
	ask := func(g *guard, host string) error {
		transport, err := g.transportFor(host)
		if err != nil {
			return err
		}
		own := transport.(*http.Transport).Clone()
		own.TLSClientConfig.ServerName = "example.com" // which the server's certificate is for
		resp, err := (&http.Client{Transport: own}).Get(server.URL)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	get := func() error { return ask(&guard{certs: dir, registry: host}, host) }
	ref, err := parse(host+"/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(kind Kind, says, hint string) {
		t.Helper()
		failure := explain(&guard{}, ref, Options{}, get())
		checkError(t, failure, kind, says)
		if !strings.Contains(failure.Hint(), hint) {
			t.Error(failure.Hint())
		}
	}
	refused(Insecure, "certificate signed by unknown authority", "/etc/docker/certs.d/registry.example.com/ca.crt")
	if err := os.MkdirAll(filepath.Join(dir, host), 0o755); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, host, "ca.crt")
	for _, text := range []string{"no certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))} {
		if err := os.WriteFile(ca, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if text == "no certificate" {
			refused(BadCerts, "was not asked for the image registry.example.com/app:latest: "+ca+", which Docker's engine trusts it for, has no certificate", "mend or remove that file")
		}
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	if err := ask(&guard{certs: dir, registry: host}, tokens); err != nil {
		t.Errorf("its token server: %v", err)
	}
	if err := ask(&guard{certs: dir, registry: "other.example.com"}, tokens); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("another registry's: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, tokens), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tokens, "ca.crt"), []byte("its own"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(&guard{certs: dir, registry: host}, tokens); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, tokens, "ca.crt")) {
		t.Errorf("one with a folder of its own: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, host, "client.cert"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(BadCerts, "client.key: no such file", "mend or remove that file")
	if err := os.WriteFile(filepath.Join(dir, host, "client.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(BadCerts, filepath.Join(dir, host, "client.cert")+" and its .key: tls: failed to find", "mend or remove that file")
	if os.Getuid() == 0 {
		return // may read all
	}
	if err := os.Chmod(filepath.Join(dir, host, "client.key"), 0); err != nil {
		t.Fatal(err)
	}
	refused(Unreachable, "was not asked from here: ", "a user who may read that file")
}

// What only root may read is for the staging to use, which asks as root.
func TestUnreadableCerts(t *testing.T) {
	t.Parallel()
	ref, err := parse("registry.example.com/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	failure := explain(&guard{}, ref, Options{}, &url.Error{Op: "Get", Err: &certsError{&fs.PathError{Op: "open", Path: "client.key", Err: syscall.EACCES}}})
	checkError(t, failure, Unreachable, "the registry registry.example.com was not asked from here: open client.key: permission denied")
	if failure.Silent() || failure.passing() || failure.Hint() != "run this as a user who may read that file" {
		t.Errorf("silent %v, passing %v, hint %s", failure.Silent(), failure.passing(), failure.Hint())
	}
}
