package server

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// maxChunkWrites is how many chunks are in the server's memory at once, each
// with at most 4 MiB; others wait.
const maxChunkWrites = 24

// Options of a server. All are needed.
type Options struct {
	Bucket *blob.Bucket // see OpenDir
	Auth   *Auth
	Logger *slog.Logger

	now func() time.Time // nil = time.Now
}

type server struct {
	store store
	auth  *Auth
	log   *slog.Logger

	chunkWrites chan struct{} // counts
	buffers     sync.Pool     // of *buffers
	resultLock  sync.Mutex    // held from reading a stored generation to writing the next
	health      health
	now         func() time.Time
	uses        *uses
	collecting  sync.Mutex
}

// New returns the handler of the HTTP API.
func New(o Options) http.Handler {
	s := &server{
		store:       store{o.Bucket},
		auth:        o.Auth,
		log:         o.Logger,
		chunkWrites: make(chan struct{}, maxChunkWrites),
		buffers:     sync.Pool{New: func() any { return new(buffers) }},
		now:         o.now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.uses = newUses(s.now)
	return s.mux()
}

func (s *server) mux() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/missing", s.guarded(only(verbAsk), s.postMissing))
	mux.Handle("PUT /v1/chunks/{digest}", s.guarded(only(verbWrite), s.putChunk))
	mux.Handle("GET /v1/chunks/{digest}", s.guarded(only(verbRead), s.getChunk))
	mux.Handle("PUT /v1/blobs/{digest}", s.guarded(only(verbWrite), s.putBlob))
	mux.Handle("GET /v1/blobs/{digest}", s.guarded(only(verbRead), s.getBlob))
	mux.Handle("HEAD /v1/blobs/{digest}", s.guarded(only(verbRead), s.headBlob))
	mux.Handle("PUT /v1/results/{space}/{key}", s.guarded(ofResult(verbWriteResult), s.putResult))
	mux.Handle("GET /v1/results/{space}/{key}", s.guarded(ofResult(verbReadResult), s.getResult))
	mux.Handle("POST /v1/collect", s.guarded(only(verbCollect), s.postCollect))
	mux.Handle("PUT /v1/lifecycle/{digest}", s.guarded(only(verbWriteLifecycle), s.putLifecycle))
	mux.Handle("HEAD /v1/lifecycle/{digest}", s.open(s.headLifecycle))
	mux.Handle("GET /v1/lifecycle/{digest}", s.open(s.getLifecycle))
	mux.Handle("GET /v1/health", s.open(s.getHealth))
	mux.Handle("/", s.open(func(_ http.ResponseWriter, r *http.Request) error {
		return refusef(http.StatusNotFound, "%s %s is not part of the blob store's API", r.Method, r.URL.Path)
	}))
	return mux
}

// handler answers a request, or returns why not (a *refusal, or an error of
// the back end).
type handler func(http.ResponseWriter, *http.Request) error

// only makes the same action of every request.
func only(v verb) func(*http.Request) action {
	return func(*http.Request) action { return action{Verb: v} }
}

// ofResult makes an action on the result that the path names.
func ofResult(v verb) func(*http.Request) action {
	return func(r *http.Request) action {
		return action{Verb: v, Space: r.PathValue("space"), Key: r.PathValue("key")}
	}
}

// guarded lets h run for those who may.
func (s *server) guarded(action func(*http.Request) action, h handler) http.Handler {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		id, err := s.auth.authenticate(r.Context(), r.Header.Get("Authorization"))
		if err != nil {
			return err
		}
		if err := authorize(id, action(r)); err != nil {
			return err
		}
		return h(w, r)
	})
}

// open lets h run for everybody.
func (s *server) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}
