package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"syscall"
	"time"

	"wadi/stage/blob"
)

// healthEvery is how long an answer holds: the back end is written to for it,
// and anybody may ask.
const healthEvery = 5 * time.Second

// healthProbe is what is written: more than a nearly full disk has.
var healthProbe = bytes.Repeat([]byte("wadi"), 4096)

type health struct {
	mu     sync.Mutex
	at     time.Time
	report blob.HealthReport
}

// getHealth answers 200 also when the back end cannot be written to: reading
// goes on, and a check that fails would take the store away from all readers.
func (s *server) getHealth(w http.ResponseWriter, r *http.Request) error {
	s.answer(w, r, http.StatusOK, s.checkHealth(r.Context()))
	return nil
}

func (s *server) checkHealth(ctx context.Context) blob.HealthReport {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.at.IsZero() && time.Since(h.at) < healthEvery {
		return h.report
	}
	// Not the asker's context: who hangs up must not decide what the next is told.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthEvery)
	defer cancel()
	err := s.store.put(ctx, "health/probe", "application/octet-stream", healthProbe)
	h.at = time.Now()
	h.report = reportOf(err)
	if err != nil {
		s.log.ErrorContext(ctx, "the back end cannot be written to", "error", err)
	}
	return h.report
}

func reportOf(err error) blob.HealthReport {
	report := blob.HealthReport{Status: "ok", Writable: err == nil}
	switch {
	case err == nil:
	case isFull(err):
		report.Full = true
		report.Reason = refusalOf(err).reason
	case errors.Is(err, syscall.EROFS):
		report.Reason = "it is mounted read-only"
	case errors.Is(err, syscall.EACCES):
		report.Reason = "the server's user may not write there"
	default:
		report.Reason = "the server's log says more"
	}
	return report
}
