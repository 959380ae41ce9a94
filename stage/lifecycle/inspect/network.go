package inspect

import (
	"errors"
	"io"
	"net"
	"net/url"
)

// isSilence says whether one of the requests got no answer, whatever became of
// the others.
func isSilence(err error) bool {
	var op *net.OpError
	var timeout net.Error
	return errors.As(err, &op) || errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, io.EOF)
}

// isNetwork says whether an error came before, or in place of, an answer.
func isNetwork(err error) bool {
	var op net.Error
	var of *url.Error
	return errors.As(err, &op) || errors.As(err, &of) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
