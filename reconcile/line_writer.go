package reconcile

import (
	"bytes"
	"strings"
)

// lineWriter hands on whole lines, which end in CR LF as well. Of a line longer
// than maxLine it hands on what it has, so that nothing grows without bound.
type lineWriter struct {
	line func(string)
	part []byte
}

const maxLine = 64 << 10

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		switch {
		case end >= 0:
			l.line(strings.TrimRight(string(append(l.part, p[:end]...)), "\r"))
			l.part, p = nil, p[end+1:]
		case len(l.part)+len(p) > maxLine:
			l.line(string(append(l.part, p...)))
			l.part, p = nil, nil
		default:
			l.part, p = append(l.part, p...), nil
		}
	}
	return n, nil
}

func (l *lineWriter) flush() {
	if len(l.part) > 0 {
		l.line(strings.TrimRight(string(l.part), "\r"))
		l.part = nil
	}
}
