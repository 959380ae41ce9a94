package remote

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxArchive bounds a download, in bytes: buildpacks that bring all their
	// dependencies come to about one GiB.
	maxArchive = 4 << 30
	// maxSilence is how long a server may say nothing.
	maxSilence = time.Minute
)

// client goes by the proxies of the environment (http_proxy, https_proxy,
// no_proxy) and trusts what the system and SSL_CERT_FILE trust, as
// http.DefaultTransport does.
var client = &http.Client{CheckRedirect: checkRedirect}

// checkRedirect follows as far as curl does, and never to where others can
// listen. The password is for the server of the address alone: net/http would
// give it to another port and to hosts below that one too.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return &redirectError{"it redirects more than 10 times"}
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return &redirectError{"it redirects from https to an address without encryption"}
	}
	if server(req.URL) != server(via[0].URL) {
		req.Header.Del("Authorization")
	}
	return nil
}

// server is a URL's scheme, host and port.
func server(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return u.Scheme + " " + strings.ToLower(u.Hostname()) + " " + port
}

// redirectError is a redirection that is not followed.
type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

// got is an answer: the archive is in the store under its digest.
type got struct {
	unchanged bool // the server says that it is what the header asked for
	sha256    string
	header    http.Header
}

// errQuiet ends a download that stands still.
var errQuiet = &silence{fmt.Sprintf("nothing came for %s", maxSilence)}

// get asks for an archive once.
func (s *Store) get(ctx context.Context, a Address, header http.Header) (got, error) {
	ended := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(maxSilence, func() { cancel(errQuiet) })
	defer quiet.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return got{}, &SourceError{Shown: a.Shown, Reason: "it is no address", Fix: "write https://host/path.zip"}
	}
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("User-Agent", "wadi")
	// Else the transport asks for gzip and unpacks what it gets by itself.
	req.Header.Set("Accept-Encoding", "identity")
	if a.user != "" || a.password != "" {
		req.SetBasicAuth(a.user, a.password)
	}
	resp, err := client.Do(req)
	if err != nil && ended.Err() != nil {
		return got{}, context.Cause(ended)
	}
	if err != nil {
		return got{}, a.transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified {
		return got{unchanged: true, header: resp.Header}, nil
	}
	if err := a.statusError(resp); err != nil {
		return got{}, err
	}
	sum, err := s.keep(resp, a, func() { quiet.Reset(maxSilence) })
	if err != nil && ended.Err() != nil {
		return got{}, context.Cause(ended)
	}
	if err != nil && ctx.Err() != nil {
		return got{}, &UnreachableError{Shown: a.Shown, Err: context.Cause(ctx)}
	}
	return got{sha256: sum, header: resp.Header}, err
}

// transportError says why there is no answer, without the URL that net/http
// puts into its errors.
func (a Address) transportError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errQuiet) {
		return &UnreachableError{Shown: a.Shown, Err: cause}
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var redirect *redirectError
	if errors.As(err, &redirect) {
		return &SourceError{Shown: a.Shown, Reason: redirect.reason, Fix: "give the address that it leads to, if you trust it"}
	}
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	if errors.As(err, &authority) || errors.As(err, &invalid) || errors.As(err, &name) {
		return &SourceError{Shown: a.Shown, Reason: "its certificate is not trusted", Fix: fixCertificate, Err: err}
	}
	return &UnreachableError{Shown: a.Shown, Err: err}
}

// statusError is nil for the status of an archive.
func (a Address) statusError(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusOK:
		return nil
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return &UnreachableError{Shown: a.Shown, Err: fmt.Errorf("the server answers %s", resp.Status)}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		fix := "put user and token into the address (https://user:token@host/…, from a sensitive variable)"
		if a.user != "" || a.password != "" {
			fix = "check the user and token in its address"
		}
		return &SourceError{Shown: a.Shown, Reason: fmt.Sprintf("the server answers %s", resp.Status), Fix: fix}
	case status == http.StatusProxyAuthRequired:
		return &SourceError{Shown: a.Shown, Reason: "the proxy wants a user and password", Fix: "put them into https_proxy (http://user:password@proxy:port)"}
	}
	return &SourceError{Shown: a.Shown, Reason: fmt.Sprintf("the server answers %s", resp.Status), Fix: "check the address"}
}

// keep stores the body under its digest.
func (s *Store) keep(resp *http.Response, a Address, alive func()) (sum string, err error) {
	part, err := s.temp("archives")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	file := filepath.Join(part, "archive")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("cannot write to the cache: %w", err)
	}
	h := sha256.New()
	n, err := copyBody(f, h, resp, alive)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("cannot write to the cache: %w", cerr)
	}
	var broken *brokenBody
	switch {
	case errors.As(err, &broken):
		return "", &UnreachableError{Shown: a.Shown, Err: fmt.Errorf("the download broke off after %d bytes: %w", n, broken.err)}
	case err != nil:
		return "", err
	case n > maxArchive:
		return "", &SourceError{Shown: a.Shown, Reason: fmt.Sprintf("it has more than %d bytes", int64(maxArchive)), Fix: "give a buildpack that downloads its dependencies"}
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if err := os.Rename(file, s.archiveFile(sum)); err != nil {
		return "", fmt.Errorf("cannot write to the cache: %w", err)
	}
	return sum, nil
}

// brokenBody is a body that could not be read to its end.
type brokenBody struct{ err error }

func (e *brokenBody) Error() string { return e.err.Error() }

func copyBody(f io.Writer, h hash.Hash, resp *http.Response, alive func()) (n int64, err error) {
	buf := make([]byte, 256<<10)
	for n <= maxArchive {
		k, err := resp.Body.Read(buf)
		if k > 0 {
			alive()
			n += int64(k)
			h.Write(buf[:k])
			if _, err := f.Write(buf[:k]); err != nil {
				return n, fmt.Errorf("cannot write to the cache: %w", err)
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, &brokenBody{err}
		}
	}
	return n, nil
}
