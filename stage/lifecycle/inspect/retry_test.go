package inspect

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRetry(t *testing.T) {
	t.Parallel()
	busy := func(after time.Duration) *Error {
		return &Error{Kind: Unreachable, After: after, Err: errors.New("status 503")}
	}
	unknown := &Error{Kind: Unreachable, Err: fmt.Errorf("dial: %w", &net.DNSError{IsNotFound: true})}
	const s = time.Second
	for name, c := range map[string]struct {
		attempt  int
		passed   time.Duration
		failure  *Error
		from, to time.Duration // from = 0: no further attempt
	}{
		"the second":          {1, 0, busy(0), s, 5 * s / 4},
		"the third":           {2, s, busy(0), 3 * s, 15 * s / 4},
		"the last":            {3, 4 * s, busy(0), 9 * s, 45 * s / 4},
		"no more":             {4, 9 * s, busy(0), 0, 0},
		"asked for":           {1, 0, busy(30 * s), 30 * s, 75 * s / 2},
		"asked for less":      {3, 0, busy(s), 9 * s, 45 * s / 4},
		"longer than that":    {1, 0, busy(10 * time.Minute), 0, 0},
		"late":                {2, 119 * s, busy(0), 0, 0},
		"no such host":        {1, 0, unknown, 0, 0},
		"no such image":       {1, 0, &Error{Kind: NotFound}, 0, 0},
		"refused":             {1, 0, &Error{Kind: Denied}, 0, 0},
		"another's platform":  {1, 0, &Error{Kind: NoPlatform}, 0, 0},
		"not without privacy": {1, 0, &Error{Kind: Insecure}, 0, 0},
	} {
		wait, again := Staging.after(c.attempt, c.passed, c.failure)
		if again != (c.from > 0) || again && (wait < c.from || wait > c.to) {
			t.Errorf("%s: %v, %v, want between %v and %v", name, wait, again, c.from, c.to)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		header   string
		from, to time.Duration
	}{
		{429, "30", 30 * time.Second, 30 * time.Second},
		{503, "1", time.Second, time.Second},
		{503, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 58 * time.Minute, time.Hour},
		{503, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 0, 0},
		{503, "-5", 0, 0}, {503, "soon", 0, 0}, {503, "", 0, 0}, {404, "30", 0, 0},
	} {
		got := retryAfter(&http.Response{StatusCode: c.status, Header: http.Header{"Retry-After": {c.header}}})
		if got < c.from || got > c.to {
			t.Errorf("%d %q: %v, want between %v and %v", c.status, c.header, got, c.from, c.to)
		}
	}
}

// A registry that is busy says for how long.
func TestBusy(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var asked atomic.Int32
	s.gate = func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			asked.Add(1)
			w.Header().Set("Retry-After", "600")
			http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit"}]}`, http.StatusTooManyRequests)
		}
	}
	_, err := Image(t.Context(), s.host+"/team/one:1", Options{Arch: "amd64", Retry: Staging})
	checkError(t, err, Unreachable, "status 429 Too Many Requests, You have reached your pull rate limit (it asks to be left alone for 10m0s)")
	var failure *Error
	if !errors.As(err, &failure) || !strings.Contains(failure.Hint(), "registries answer those often who log in") || failure.Silent() || asked.Load() != 1 {
		t.Errorf("asked %d times; hint: %s", asked.Load(), failure.Hint())
	}
}
