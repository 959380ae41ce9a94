package router

import (
	"io"
	"net"
	"sync"
	"testing"
)

// link is a way to Nomad that can be cut.
type link struct {
	addr, to string
	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	l := &link{addr: "127.0.0.1:0", to: to}
	l.restore(t)
	t.Cleanup(l.cut)
	return l
}

func (l *link) restore(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	l.addr, l.listener = listener.Addr().String(), listener
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", l.to)
			if err != nil {
				in.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, in, out)
			l.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() { io.Copy(pair[0], pair[1]); pair[0].Close() }()
			}
		}
	}()
}

func (l *link) cut() {
	l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}
