package router

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"wadi/internal/testport"
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
	l := &link{addr: fmt.Sprint("127.0.0.1:", testport.Free(t)), to: to} // nobody takes it while the link is cut
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
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
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
			if !l.hold(listener, in, out) {
				continue
			}
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() { io.Copy(pair[0], pair[1]); pair[0].Close() }()
			}
		}
	}()
}

// hold keeps a connection until the next cut. One that was accepted just before
// a cut and is ready after it is cut off too.
func (l *link) hold(from net.Listener, in, out net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != from {
		in.Close()
		out.Close()
		return false
	}
	l.conns = append(l.conns, in, out)
	return true
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		l.listener.Close()
		l.listener = nil
	}
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}
