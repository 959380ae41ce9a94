package router

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// maxAttempts bounds how many instances are tried for one request.
const maxAttempts = 5

// mayRepeat says whether a request that reached an instance may go to another
// one: only where doing it twice is the same as doing it once, and not after
// a time limit, since the second would take as long.
func mayRepeat(r *http.Request, err error) bool {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || r.Header.Get("Upgrade") != "" {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

var errAbandoned = errors.New("the request went to another instance")

// attemptBody lends the request's body to one attempt. A transport closes
// the body even if it never connected, and may read from it after it has
// returned an error: neither may spoil the next attempt.
type attemptBody struct {
	from io.Reader // nil: the request has no body

	mu        sync.Mutex
	started   bool
	abandoned bool
	err       error // of the client's side; not io.EOF
}

func (b *attemptBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.abandoned {
		b.mu.Unlock()
		return 0, errAbandoned
	}
	b.started = true
	b.mu.Unlock()
	n, err := b.from.Read(p)
	if err != nil && err != io.EOF {
		b.mu.Lock()
		b.err = err
		b.mu.Unlock()
	}
	return n, err
}

// Close leaves the body open: ReverseProxy closes it when the exchange is over.
func (b *attemptBody) Close() error { return nil }

// abandon takes the body back. It is false if some of it is gone.
func (b *attemptBody) abandon() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		return false
	}
	b.abandoned = true
	return true
}

// broken says that the client's side failed to bring the body.
func (b *attemptBody) broken() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil
}

// countedBody counts what was read of a request's body.
type countedBody struct {
	io.ReadCloser
	n atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
