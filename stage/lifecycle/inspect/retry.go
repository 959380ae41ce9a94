package inspect

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Retry is how long a registry is asked that does not answer, or says that it
// is busy. What it refuses is asked once.
type Retry struct {
	Attempts int // in all; 0 = one
	// Delay goes before the second attempt; each further one waits three
	// times as long as the one before, or as long as the registry says.
	Delay time.Duration
	// Patience is the time after which no further attempt begins.
	Patience time.Duration
	// Telling is told of every failure that another attempt follows; may be nil.
	Telling func(attempt int, wait time.Duration, err error)
}

// Staging is how a registry is asked that has nobody else to answer: as often
// as Cloud Foundry asks, over the time that one takes to be started anew.
var Staging = Retry{Attempts: 4, Delay: time.Second, Patience: 2 * time.Minute}

// after says how long to wait after a failed attempt, and whether there is
// another one. Those who were refused together don't come back together.
func (r Retry) after(attempt int, passed time.Duration, failure *Error) (time.Duration, bool) {
	if attempt >= r.Attempts || !failure.passing() {
		return 0, false
	}
	wait := r.Delay
	for range attempt - 1 {
		wait *= 3
	}
	wait = max(wait, failure.After)
	wait += time.Duration(rand.Int64N(int64(wait/4) + 1))
	return wait, passed+wait <= r.Patience
}

// passing says whether the same question may have another answer soon.
func (e *Error) passing() bool {
	var unknown *net.DNSError
	return e.Kind == Unreachable && e.certs() == nil && !(errors.As(e.Err, &unknown) && unknown.IsNotFound)
}

// retryAfter is what a busy server asks for: seconds, or a time; 0 = it does
// not say.
func retryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < http.StatusInternalServerError {
		return 0
	}
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
