package dockertest

import (
	"net/http"
	"strings"
	"sync"
)

// gathering holds those who ask for images until enough have come.
type gathering struct {
	mu     sync.Mutex
	images map[string]bool // asked for
	wanted int
	enough chan struct{} // closed when they are there
}

// Gather answers nobody who asks for an image until n different ones have been
// asked for.
func (r *Registry) Gather(n int) {
	r.gathering.Store(&gathering{images: map[string]bool{}, wanted: n, enough: make(chan struct{})})
}

// Gathered is how many different images have been asked for since Gather.
func (r *Registry) Gathered() int {
	g := r.gathering.Load()
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.images)
}

func (g *gathering) wait(req *http.Request) {
	if g == nil || !strings.Contains(req.URL.Path, "/manifests/") {
		return
	}
	g.mu.Lock()
	if !g.images[req.URL.Path] {
		g.images[req.URL.Path] = true
		if len(g.images) == g.wanted {
			close(g.enough)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.enough:
	case <-req.Context().Done():
	}
}
