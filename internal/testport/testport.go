// Package testport gives tests ports for programs that want to be told one.
package testport

import (
	"net"
	"sync"
	"testing"
)

// given are the ports that this process has handed out: each is one test's, though
// nothing listens there yet.
var given sync.Map

// Free is a port of 127.0.0.1 that nothing listens on, and that no other call
// in this process gives. Another process may still take it before it is used.
func Free(t testing.TB) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // after the last try, or the same one comes again
		port := l.Addr().(*net.TCPAddr).Port
		if _, again := given.LoadOrStore(port, true); !again {
			return port
		}
	}
}
