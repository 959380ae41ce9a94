// Package testport gives tests ports for programs that want to be told one.
package testport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports that are given, from first to last: seconds go by until somebody
// listens there, so that they are none of those that the kernel (32768 and
// more) and the agents of tests (20000 and more) give to others meanwhile, nor
// the defaults of ours and of Nomad.
const (
	first = 10000
	last  = 19999
)

// given are the ports that this process has handed out: each is one test's, though
// nothing listens there yet. Each has the lock that keeps others from giving it.
var given sync.Map

// lock takes a port for this process until it ends. It is a socket with a name
// and no file: nothing is left behind, however the process ends.
func lock(port int) (net.Listener, error) {
	return net.Listen("unix", fmt.Sprint("@wadi-testport-", port))
}

// Free is a port of 127.0.0.1 that nothing listens on, and that no other call
// gives, in this process or in another that runs.
func Free(t testing.TB) int {
	t.Helper()
	var err error
	for range last - first {
		port := first + rand.IntN(last-first+1)
		var taken, l net.Listener
		if taken, err = lock(port); err != nil {
			continue
		}
		given.Store(port, taken)
		if l, err = net.Listen("tcp4", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatalf("no port from %d to %d is free; the last one: %v", first, last, err)
	return 0
}
