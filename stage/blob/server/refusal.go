package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"

	"wadi/stage/blob"
)

// maxDamaged is how many damaged things an answer names.
const maxDamaged = 20

// refusal is an answer that says no.
type refusal struct {
	status  int
	reason  string
	missing []string // chunks
	damaged []string // what was dropped, in words
}

func (r *refusal) Error() string { return r.reason }

func refusef(status int, format string, args ...any) error {
	return &refusal{status: status, reason: fmt.Sprintf(format, args...)}
}

// refusalOf makes an answer of any error. What went wrong inside the back end
// is the log's business; a full disk is everybody's.
func refusalOf(err error) *refusal {
	var r *refusal
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &tooBig):
		return &refusal{status: http.StatusRequestEntityTooLarge, reason: fmt.Sprintf("the body has more than %d bytes", tooBig.Limit)}
	case isFull(err):
		return &refusal{status: http.StatusInsufficientStorage, reason: "the blob store's disk is full: free some (wadi gc removes what nothing refers to) or give it a bigger one, then apply again"}
	default:
		return &refusal{status: http.StatusInternalServerError, reason: "the blob store's back end failed: see wadi platform status"}
	}
}

func isFull(err error) bool {
	var answer interface{ HTTPStatusCode() int } // of an S3 server
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusInsufficientStorage
}

// fail answers with err.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	no := refusalOf(err)
	level := slog.LevelDebug
	switch {
	case r.Context().Err() != nil: // the client has gone
	case no.status >= 500:
		level = slog.LevelError
	case no.status == http.StatusUnauthorized || no.status == http.StatusForbidden:
		level = slog.LevelWarn
	}
	s.log.Log(r.Context(), level, "refused", "method", r.Method, "path", r.URL.Path, "status", no.status, "error", err)

	// A client that is still sending would see a broken connection and not
	// the reason: take in what it has, up to the biggest body there is.
	if _, err := io.CopyN(io.Discard, r.Body, blob.MaxLifecycle); err != nil && !errors.Is(err, io.EOF) {
		w.Header().Set("Connection", "close")
	}
	switch no.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="wadi"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	if len(no.damaged) > 0 { // no field of the body: HEAD has none
		w.Header().Set(blob.DamagedHeader, strings.Join(no.damaged[:min(len(no.damaged), maxDamaged)], ", "))
	}
	s.answer(w, r, no.status, blob.Failure{Error: no.reason, Missing: no.missing})
}

// answer writes a JSON document.
func (s *server) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.log.ErrorContext(r.Context(), "encode an answer", "path", r.URL.Path, "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`)
	}
	s.send(w, r, status, "application/json", append(body, '\n'))
}

// send writes a whole body. A client that has gone needs no answer, so that
// is only noted.
func (s *server) send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	announce(w, contentType, int64(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(body); err != nil {
		s.log.DebugContext(r.Context(), "send an answer", "path", r.URL.Path, "error", err)
	}
}
