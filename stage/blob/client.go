package blob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Client talks to a blob store. Its methods may be called concurrently; its
// fields may not change while they are.
type Client struct {
	// URL is the store's base URL, "http://127.0.0.1:4600".
	URL string
	// HTTP makes the requests; nil is a client of this package's own.
	HTTP *http.Client
	// Token is asked for the bearer token before every request, because a
	// task's identity is renewed while it runs. Nil or "" sends none.
	Token func() (string, error)
	// Attempts is how often a request is tried when the store cannot be
	// reached or answers with a fault of its own; 0 is 7, which is about 6
	// seconds. Every request may be repeated: content is named by its digest.
	Attempts int
	// OnSilence, if it is set, hears what is being done ("upload chunk 3fb2…")
	// when the store has neither answered nor taken anything for 10 s: who waits
	// should know for what.
	OnSilence func(op string)

	after func(time.Duration, func()) timer // nil is time.AfterFunc
}

// Blob names a stored blob. Size is in uncompressed bytes.
type Blob struct {
	Digest string
	Size   int64
	Chunks int
}

// Progress of an upload, in bytes. Read, Uploaded and Reused count
// uncompressed bytes (Uploaded + Reused = Read at the end); Sent counts what
// was on the wire.
type Progress struct {
	Read     int64
	Uploaded int64
	Reused   int64
	Sent     int64
}

// defaultHTTP keeps as many idle connections to the one store as a transfer uses.
var defaultHTTP = sync.OnceValue(func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 4 * transfers
	t.DisableCompression = true
	return &http.Client{Transport: t}
})

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return defaultHTTP()
}

// endpoint is the URL of an API path.
func (c *Client) endpoint(path string) (*url.URL, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a blob store; it has the form http://HOST:PORT", c.URL)
	}
	return url.Parse(strings.TrimSuffix(c.URL, "/") + path)
}

// Has reports whether the blob and all of its chunks are stored.
func (c *Client) Has(ctx context.Context, digest string) (bool, error) {
	stored, _, err := c.Check(ctx, digest, false)
	return stored, err
}

// Check looks for the blob and all of its chunks as Has does, and tells what
// of it was damaged, which the store has removed. The store reads chunks that
// changed after the blob was stored; with verify it reads all.
func (c *Client) Check(ctx context.Context, digest string, verify bool) (stored bool, damaged []string, err error) {
	op := "check blob " + digest
	if err := checkDigest(digest); err != nil {
		return false, nil, fmt.Errorf("%s: %w", op, err)
	}
	path := "/v1/blobs/" + digest
	if verify {
		path += "?verify=1"
	}
	_, err = c.do(ctx, call{op: op, method: http.MethodHead, path: path, works: true})
	var no *Error
	if errors.Is(err, ErrNotFound) && errors.As(err, &no) {
		return false, no.Damaged, nil
	}
	return err == nil, nil, err
}

// HasLifecycle reports whether the lifecycle archive is stored.
func (c *Client) HasLifecycle(ctx context.Context, sha256 string) (bool, error) {
	op := "look for lifecycle " + sha256
	if err := checkDigest(sha256); err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	_, err := c.do(ctx, call{op: op, method: http.MethodHead, path: "/v1/lifecycle/" + sha256})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Loopback says whether the store is reached by this machine alone, and by no
// container that has a network of its own.
func (c *Client) Loopback() bool {
	u, err := url.Parse(c.URL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
