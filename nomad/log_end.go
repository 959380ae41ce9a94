package nomad

import (
	"bytes"
	"io"
)

// keptEnd is more than the last line of a log, with what may stand behind it.
const keptEnd = 1 << 10

// logEnd remembers the end of what goes through it.
type logEnd struct{ text []byte }

// of makes a writer that passes on to w.
func (e *logEnd) of(w io.Writer) io.Writer { return logEndWriter{e, w} }

// has says whether one of the last lines begins so.
func (e *logEnd) has(line string) bool {
	return bytes.HasPrefix(e.text, []byte(line)) || bytes.Contains(e.text, []byte("\n"+line))
}

type logEndWriter struct {
	end *logEnd
	w   io.Writer
}

func (w logEndWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	all := append(w.end.text, p[:n]...)
	w.end.text = bytes.Clone(all[max(0, len(all)-keptEnd):])
	return n, err
}
