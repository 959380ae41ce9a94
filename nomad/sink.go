package nomad

import (
	"io"
	"sync"
)

// sink is a writer that remembers its error: those who copy into it tell it
// apart from Nomad's errors badly, or not at all.
type sink struct {
	w io.Writer
	// onError is called once, with the first error; nil = nobody listens.
	onError func()

	mu  sync.Mutex
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	var n int
	if n, s.err = s.w.Write(p); s.err != nil && s.onError != nil {
		s.onError()
	}
	return n, s.err
}

// failed is the first error, nil = none.
func (s *sink) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
