package sshd

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Conn is a connection over two streams, for SSH. Deadlines have no effect.
type Conn struct {
	io.Reader
	io.WriteCloser
}

// LocalAddr is not known: Nomad stands between the two ends.
func (Conn) LocalAddr() net.Addr { return address{} }

// RemoteAddr is not known either.
func (Conn) RemoteAddr() net.Addr { return address{} }

// SetDeadline is for net.Conn alone.
func (Conn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is for net.Conn alone.
func (Conn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is for net.Conn alone.
func (Conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type address struct{}

func (address) Network() string { return "nomad" }
func (address) String() string  { return "nomad" }

// stdio closes both standard streams of this process.
type stdio struct{ in, out *os.File }

func (s stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s stdio) Close() error                { return errors.Join(s.out.Close(), s.in.Close()) }
