package reconcile

import (
	"bytes"
	"strings"
)

// lineWriter hands on whole lines. A line longer than maxLine is cut into
// parts of that size, so that nothing grows without bound.
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
			l.line(overwritten(string(append(l.part, p[:end]...))))
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
		l.line(overwritten(string(l.part)))
		l.part = nil
	}
}

// overwritten is what a terminal shows of a line in the end: a program that
// counts up to 100 % begins it again each time.
func overwritten(line string) string {
	line = strings.TrimRight(line, "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}
