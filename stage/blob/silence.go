package blob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// tellAfter is when OnSilence hears of a request.
const tellAfter = 10 * time.Second

// silenceError says that a connection stood and nothing came, or not all.
type silenceError struct {
	limit time.Duration
	some  bool // something came
}

func (e *silenceError) Error() string {
	if e.some {
		return fmt.Sprintf("no whole answer in %s", e.limit)
	}
	return fmt.Sprintf("no answer for %s", e.limit)
}

func isSilence(err error) bool {
	var e *silenceError
	return errors.As(err, &e)
}

// silence ends an attempt for which nothing has gone to or come from the store
// for too long: a server that hangs, or a connection that a machine's sleep has
// outlived, keeps who waits for it waiting for ever.
type silence struct {
	patience time.Duration

	mu        sync.Mutex
	end, tell timer
	heard     bool // of the store: nobody needs to be told any more
	over      bool // the attempt
}

// timer is a *time.Timer of time.AfterFunc.
type timer interface {
	Stop() bool
	Reset(time.Duration) bool
}

// listen begins an attempt.
func (c *Client) listen(ctx context.Context, k call) (context.Context, *silence, func()) {
	timeout := cmp.Or(k.timeout, attemptTimeout)
	upload := time.Duration(len(k.body)/slowest) * time.Second
	patience := defaultPatience + upload
	if patience > timeout || k.works {
		patience = timeout
	}
	after := c.after
	if after == nil {
		after = func(d time.Duration, f func()) timer { return time.AfterFunc(d, f) }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &silence{patience: patience}
	s.end = after(patience, func() { cancel(&silenceError{limit: patience}) })
	timeout += upload // what goes up all the time is not cut off
	whole := after(timeout, func() { cancel(&silenceError{limit: timeout, some: patience < timeout}) })
	s.tell = after(tellAfter, func() {
		if c.OnSilence != nil {
			c.OnSilence(k.op)
		}
	})
	return ctx, s, func() {
		s.stop()
		whole.Stop()
		cancel(nil)
	}
}

// broken is called for whatever comes.
func (s *silence) broken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = true
	s.tell.Stop()
	s.end.Reset(s.patience)
}

// sent is called for whatever goes. The body may be read still when the answer
// came, or the attempt is over.
func (s *silence) sent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard || s.over {
		return
	}
	s.tell.Reset(tellAfter)
	s.end.Reset(s.patience)
}

func (s *silence) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.tell.Stop()
	s.end.Stop()
}

// ended is why the attempt was ended, if that was for silence.
func (s *silence) ended(ctx context.Context) error {
	if err := context.Cause(ctx); isSilence(err) {
		return err
	}
	return nil
}

// sending is the body of a request. It has no method but Read: a copy that went
// in one piece would not show how far it is.
type sending struct {
	body    *bytes.Reader
	silence *silence
}

func (s *sending) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if n > 0 {
		s.silence.sent()
	}
	return n, err
}

// heard is the body of an answer.
type heard struct {
	io.ReadCloser
	silence *silence
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 {
		h.silence.broken()
	}
	return n, err
}
