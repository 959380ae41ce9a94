package inspect

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A registry whose certificate Docker's engine trusts is trusted, and only that.
func TestEngineCerts(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	const host = "registry.example.com" // which the server's certificate is for too
	dir := t.TempDir()
	get := func(g *guard) error {
		transport, err := g.transportFor(host)
		if err != nil {
			return err
		}
		own := transport.(*http.Transport).Clone()
		own.TLSClientConfig.ServerName = "example.com"
		resp, err := (&http.Client{Transport: own}).Get(server.URL)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	ref, err := parse(host+"/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(says, hint string) {
		t.Helper()
		g := &guard{certs: dir}
		failure := explain(g, ref, Options{}, get(g))
		checkError(t, failure, Insecure, says)
		if !strings.Contains(failure.Hint(), hint) {
			t.Error(failure.Hint())
		}
	}
	refused("certificate signed by unknown authority", "/etc/docker/certs.d/registry.example.com/ca.crt")
	if err := os.MkdirAll(filepath.Join(dir, host), 0o755); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, host, "ca.crt")
	for _, text := range []string{"no certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))} {
		if err := os.WriteFile(ca, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if text == "no certificate" {
			refused(ca+", which Docker's engine trusts it for, has no certificate", "insecure_registries")
		}
	}
	if err := get(&guard{certs: dir}); err != nil {
		t.Error(err)
	}
	if other, err := (&guard{certs: dir}).transportFor("other.example.com"); err != nil || other != checked {
		t.Errorf("another registry: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, host, "client.cert"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var certs *certsError
	if err := get(&guard{certs: dir}); !errors.As(err, &certs) || !strings.Contains(err.Error(), "client.key") && !strings.Contains(err.Error(), "client.cert") {
		t.Errorf("a client's certificate without its key: %v", err)
	}
}
