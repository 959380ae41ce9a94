package blob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wadi/internal/sleep"
)

const (
	defaultAttempts = 7
	firstDelay      = 100 * time.Millisecond
	maxDelay        = 5 * time.Second
	// attemptTimeout bounds one attempt, beside the time that its body needs: the
	// biggest is the lifecycle's 64 MiB.
	attemptTimeout = 5 * time.Minute
	// defaultPatience is how long an attempt may go without a byte, there or back.
	defaultPatience = time.Minute
	// maxSilent is how many attempts may meet no answer: a second one finds a
	// store whose connections did not outlive a machine's sleep.
	maxSilent = 2
	// slowest is how many bytes a second a line carries at least: a store does
	// not answer before it has all of a body.
	slowest = 8 << 10
	// maxErrorBody is how much of a failure's body is read.
	maxErrorBody = 1 << 20
)

// call is one request to the store.
type call struct {
	op      string // for errors
	method  string
	path    string // with query
	body    []byte
	limit   int64         // most bytes of the answer's body
	into    []byte        // its memory is reused for the answer's body
	once    bool          // not repeated
	timeout time.Duration // of one attempt but its body; 0 is attemptTimeout
	works   bool          // the store may need all of the timeout before it answers
}

// reply is a successful answer.
type reply struct {
	body     []byte
	header   http.Header
	attempts int
}

// do makes the call, again with growing pauses while the store cannot be
// reached or answers 429 or 5xx (but not 507, which does not pass by itself).
func (c *Client) do(ctx context.Context, k call) (reply, error) {
	attempts := c.Attempts
	if attempts <= 0 {
		attempts = defaultAttempts
	}
	silent := 0
	for n := 1; ; n++ {
		r, err := c.attempt(ctx, k)
		r.attempts = n
		if isSilence(err) {
			silent++
			c.http().CloseIdleConnections() // they may be as dead
		}
		if err == nil || k.once || n >= attempts || silent >= maxSilent || ctx.Err() != nil || !passing(err) {
			if ctx.Err() != nil && err != nil {
				return r, fmt.Errorf("%s: %w", k.op, context.Cause(ctx))
			}
			return r, err
		}
		if err := sleep.For(ctx, pause(n)); err != nil {
			return r, fmt.Errorf("%s: %w", k.op, err)
		}
	}
}

// passing reports whether a failure may pass by itself.
func passing(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &cert):
		return false
	case e.Status == 0 || e.Status == http.StatusTooManyRequests:
		return true
	default:
		return e.Status >= 500 && e.Status != http.StatusInsufficientStorage
	}
}

// pause is how long to wait after attempt n (from 1): doubling, and up to a
// quarter more so that many clients don't return at once.
func pause(n int) time.Duration {
	d := min(firstDelay<<min(n-1, 16), maxDelay)
	return d + rand.N(d/4)
}

func (c *Client) attempt(ctx context.Context, k call) (reply, error) {
	u, err := c.endpoint(k.path)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", k.op, err)
	}
	ctx, silence, stop := c.listen(ctx, k)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, k.method, u.String(), http.NoBody)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", k.op, err)
	}
	if len(k.body) > 0 {
		req.ContentLength = int64(len(k.body))
		req.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(&sending{bytes.NewReader(k.body), silence}), nil
		}
		req.Body, _ = req.GetBody() // it does not fail
	}
	if c.Token != nil {
		token, err := c.Token()
		if err != nil {
			return reply{}, fmt.Errorf("%s: token: %w", k.op, err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	fail := &Error{Op: k.op, URL: publicURL(u)}
	resp, err := c.http().Do(req)
	if err != nil {
		fail.Err = cmp.Or(silence.ended(ctx), bare(err))
		return reply{}, fail
	}
	defer resp.Body.Close()
	silence.broken()
	resp.Body = &heard{resp.Body, silence}
	if resp.StatusCode >= 300 {
		explain(fail, resp)
		return reply{}, fail
	}
	body, err := readBody(resp, k.limit, k.into)
	if err != nil {
		fail.Message, fail.Err = "the answer broke off", cmp.Or(silence.ended(ctx), err)
		return reply{}, fail
	}
	return reply{body: body, header: resp.Header}, nil
}

// readBody reads a bounded body into into's memory.
func readBody(resp *http.Response, limit int64, into []byte) ([]byte, error) {
	buf := bytes.NewBuffer(into[:0])
	if n := resp.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return buf.Bytes(), nil
}

// bare strips url.Error, which would print the URL with its query again.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// DamagedHeader names what the server found damaged and removed.
const DamagedHeader = "Wadi-Damaged"

// Failure is the body of every failed request.
type Failure struct {
	Error   string   `json:"error"`
	Missing []string `json:"missing,omitempty"`
}

// explain fills e with what a failed answer says.
func explain(e *Error, resp *http.Response) {
	e.Status = resp.StatusCode
	e.Message = http.StatusText(resp.StatusCode)
	if damaged := resp.Header.Get(DamagedHeader); damaged != "" {
		e.Damaged = strings.Split(damaged, ", ")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return // the status stands
	}
	var f Failure
	if json.Unmarshal(body, &f) == nil && f.Error != "" {
		e.Message, e.Missing = f.Error, f.Missing
	} else if resp.StatusCode >= http.StatusInternalServerError { // an answer to HEAD says no more
		e.Message += ": see wadi platform status"
	}
}
