package sshd

import (
	"io"
	"time"
)

// relay copies a terminal's output until that ends (by an error: terminals have
// no other end) or cannot be sent. A command may leave somebody who keeps the
// terminal open: when it is over, nothing is waited for that does not come for
// terminalDrain. For a client that reads slowly it always waits.
func relay(to io.Writer, from io.Reader, over <-chan struct{}) {
	output, stop := make(chan []byte), make(chan struct{})
	defer close(stop)
	go func() {
		defer close(output)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			select {
			case output <- buf[:n]:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	var late <-chan time.Time
	for {
		select {
		case b, more := <-output:
			if !more {
				return
			}
			if _, err := to.Write(b); err != nil {
				return
			}
			if late != nil {
				late = time.After(terminalDrain)
			}
		case <-over:
			over, late = nil, time.After(terminalDrain)
		case <-late:
			return
		}
	}
}
