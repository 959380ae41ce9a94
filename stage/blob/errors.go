package blob

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What an *Error can be matched with (errors.Is).
var (
	// ErrNotFound: the store has no such chunk, blob, result or lifecycle.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: no or no valid token (401), or one that may not do this (403).
	ErrUnauthorized = errors.New("not authorized")
	// ErrConflict: a result of the same or a higher generation is stored, or
	// a blob was committed whose chunks are not all there.
	ErrConflict = errors.New("conflict")
	// ErrFull: the store's disk is full.
	ErrFull = errors.New("the blob store is full")
	// ErrUnreachable: no connection could be made.
	ErrUnreachable = errors.New("the blob store cannot be reached")
	// ErrDamaged: bytes that are not what their name says arrived, twice.
	ErrDamaged = errors.New("damaged")
)

// Error is a request that failed: no answer, or one that says no.
type Error struct {
	Op      string   // what was being done, "upload chunk 3fb2…"
	URL     string   // without credentials and query
	Status  int      // HTTP status; 0 = no (whole) answer
	Message string   // the server's reason, or ours
	Missing []string // chunks that a refused commit lacks
	Damaged []string // what the server found damaged and removed, "chunk 3fb2…"
	Err     error    // cause, nil where the server answered
}

// Error says what failed, where, why, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " (" + e.URL + "): ")
	if e.Status != 0 {
		b.WriteString(strconv.Itoa(e.Status) + ": ")
	}
	b.WriteString(e.Message)
	if e.Err != nil {
		if e.Message != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	switch {
	case isSilence(e.Err):
		b.WriteString("; the blob store hangs, or the network does: see wadi platform status")
	case errors.Is(e, ErrUnreachable):
		b.WriteString("; is the blob store running? see wadi platform status")
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels above.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	case ErrConflict:
		return e.Status == http.StatusConflict
	case ErrFull:
		return e.Status == http.StatusInsufficientStorage
	case ErrUnreachable:
		var op *net.OpError
		var dns *net.DNSError
		return errors.As(e.Err, &dns) || errors.As(e.Err, &op) && op.Op == "dial"
	}
	return false
}

// publicURL is u as it may be printed.
func publicURL(u *url.URL) string {
	p := *u
	p.User, p.RawQuery, p.Fragment = nil, "", ""
	return p.String()
}
