package inspect

import (
	"errors"
	"io"
	"net"
	"net/url"
)

// isNetwork says whether an error came before, or in place of, an answer.
func isNetwork(err error) bool {
	var op net.Error
	var of *url.Error
	return errors.As(err, &op) || errors.As(err, &of) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
