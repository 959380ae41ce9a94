package inspect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// engineCerts is where Docker's engine has what it trusts a registry for, a
// folder for each: NAME.crt are authorities, NAME.cert and NAME.key show who
// asks. What it trusts is trusted here.
const engineCerts = "/etc/docker/certs.d"

// transportFor carries requests to a host whose certificate has to be proved:
// the registry, or one that it sends us to, for a token or content. For such a
// one that has no folder the registry's counts, as with Docker.
func (g *guard) transportFor(host string) (http.RoundTripper, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.transports[host]; known != nil {
		return known, nil
	}
	config, err := engineConfig(filepath.Join(g.certs, host))
	if config == nil && err == nil && host != g.registry {
		config, err = engineConfig(filepath.Join(g.certs, g.registry))
	}
	if err != nil {
		return nil, err
	}
	transport := checked
	if config != nil {
		transport = newTransport(config)
	}
	if g.transports == nil {
		g.transports = map[string]http.RoundTripper{}
	}
	g.transports[host] = transport
	return transport, nil
}

// engineConfig reads a registry's folder; nil = there is none, or nothing in it.
func engineConfig(dir string) (*tls.Config, error) {
	authorities, err := filepath.Glob(filepath.Join(dir, "*.crt"))
	if err != nil {
		return nil, nil // a host that is no name of a folder
	}
	pairs, err := filepath.Glob(filepath.Join(dir, "*.cert"))
	if err != nil || len(authorities)+len(pairs) == 0 {
		return nil, nil
	}
	config := &tls.Config{}
	for _, path := range authorities {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &certsError{fmt.Errorf("reading what Docker's engine trusts it for: %w", err)}
		}
		if config.RootCAs == nil {
			if config.RootCAs, err = x509.SystemCertPool(); err != nil {
				config.RootCAs = x509.NewCertPool()
			}
		}
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, &certsError{fmt.Errorf("%s, which Docker's engine trusts it for, has no certificate", path)}
		}
	}
	for _, path := range pairs {
		pair, err := tls.LoadX509KeyPair(path, strings.TrimSuffix(path, ".cert")+".key")
		if err != nil {
			return nil, &certsError{fmt.Errorf("reading with what Docker's engine shows itself to it, %s and its .key: %w", path, err)}
		}
		config.Certificates = append(config.Certificates, pair)
	}
	return config, nil
}

// certsError is a folder of a registry that cannot be used.
type certsError struct{ err error }

func (e *certsError) Error() string { return e.err.Error() }

// kind is Unreachable where another user may read the folder: who plans need
// not be root, as a staging is.
func (e *certsError) kind() Kind {
	if errors.Is(e.err, fs.ErrPermission) {
		return Unreachable
	}
	return BadCerts
}

func (e *certsError) hint() string {
	if e.kind() == Unreachable {
		return "run this as a user who may read that file"
	}
	return "mend or remove that file"
}
