package instance

import (
	"bufio"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"wadi/stage/lifecycle/proc"
)

// maxLine is how much of a line goes out in one piece.
const maxLine = 32 << 10

// prefixed are pipes whose lines go on with a prefix: what sidecars write.
type prefixed struct {
	copies sync.WaitGroup
}

// pipe is a file for a process to write to; its lines come out of to, each
// with the prefix. The process runs as u. The caller closes it once the
// process has it.
func (p *prefixed) pipe(prefix string, to *os.File, u *proc.User) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if err := proc.Give(w, u); err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	p.copies.Go(func() {
		defer r.Close()
		copyLines(r, prefix, to)
	})
	return w, nil
}

// copyLines writes each line in one piece, so that those of several writers
// do not mix; longer ones come in parts.
func copyLines(r io.Reader, prefix string, to io.Writer) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			out := append([]byte(prefix), line...)
			if line[len(line)-1] != '\n' {
				out = append(out, '\n')
			}
			if _, err := to.Write(out); err != nil {
				return
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// wait gives what was written last a moment to come through.
func (p *prefixed) wait() {
	done := make(chan struct{})
	go func() {
		p.copies.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}
