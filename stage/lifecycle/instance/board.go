package instance

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"wadi/stage/lifecycle"
)

// board is what the instance says of itself. It may be used concurrently.
type board struct {
	allocID string
	mu      sync.Mutex
	health  lifecycle.Health
}

func newBoard(allocID, guid string) *board {
	return &board{allocID: allocID, health: lifecycle.Health{
		State: lifecycle.HealthStarting, Instance: guid, Since: time.Now().UTC(),
	}}
}

// set changes the state. Stopping is the last one.
func (b *board) set(state lifecycle.HealthState, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.health.State == lifecycle.HealthStopping {
		return
	}
	if b.health.State != state {
		b.health.Since = time.Now().UTC()
	}
	b.health.State, b.health.Reason = state, reason
}

func (b *board) get() lifecycle.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health
}

// alive says what Nomad's check gets: an instance that is ending its work
// stays alive, one that is not ready does too.
func alive(s lifecycle.HealthState) bool {
	return s == lifecycle.HealthHealthy || s == lifecycle.HealthNotReady || s == lifecycle.HealthStopping
}

func (b *board) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthy", func(w http.ResponseWriter, _ *http.Request) {
		health := b.get()
		b.answer(w, health, alive(health.State))
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		health := b.get()
		b.answer(w, health, health.State == lifecycle.HealthHealthy)
	})
	return mux
}

func (b *board) answer(w http.ResponseWriter, health lifecycle.Health, ok bool) {
	body, err := json.Marshal(health)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(lifecycle.InstanceHeader, b.allocID)
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n')) // who asked may have left
}
