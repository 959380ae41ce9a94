package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// handshakePatience is how long a client may take to begin. One that
	// Nomad has left alone meanwhile says nothing at all.
	handshakePatience = time.Minute
	keepAliveEvery    = 20 * time.Second
	// hangUpAfter is how long a client may not answer: Nomad does not tell a
	// command in a container that its client is gone.
	hangUpAfter = 3 * time.Minute
	// hangUpGrace is how long the command has to end by itself then.
	hangUpGrace = 5 * time.Second
	// terminalDrain is how long further output on a terminal is waited for when
	// the command has ended.
	terminalDrain = 5 * time.Second
)

// Failed is the exit code where there is nothing to run: 126, as shells say of
// what cannot be run.
const Failed = 126

// Argv makes the command line of a session: term is the kind of its terminal,
// command a shell command line. Either may be empty: there is none.
type Argv func(term, command string) []string

// Main is Serve on standard input and output.
func Main(argv Argv) int {
	streams := stdio{in: os.Stdin, out: os.Stdout}
	code, err := Serve(Conn{Reader: streams, WriteCloser: streams}, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lifecycle sshd:", err)
	}
	return code
}

// Serve speaks SSH over conn until the client is gone, and answers the exit
// code of what ran in its one session; it runs no longer than that. Who may
// connect was for Nomad to say, so there is neither a password nor a lasting
// host key.
func Serve(conn net.Conn, argv Argv) (int, error) {
	client, err := handshake(conn)
	if err != nil {
		return Failed, err
	}
	defer client.conn.Close()
	silent := make(chan struct{})
	go keepAlive(client.conn, silent)
	var s *session
	for {
		select {
		case asked, ok := <-client.channels:
			switch {
			case !ok:
				return s.end()
			case asked.ChannelType() != "session" || s != nil:
				_ = asked.Reject(ssh.Prohibited, "there is one session a connection, and nothing else") // a broken connection ends the loop
				continue
			}
			channel, requests, err := asked.Accept()
			if err != nil {
				return Failed, fmt.Errorf("opening the session: %w", err)
			}
			s = newSession(channel, argv)
			go s.serve(requests)
		case <-silent:
			return s.end()
		}
	}
}

type connection struct {
	conn     ssh.Conn
	channels <-chan ssh.NewChannel
}

func handshake(conn net.Conn) (connection, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return connection{}, fmt.Errorf("making the key of this session: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return connection{}, fmt.Errorf("making the key of this session: %w", err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	done := make(chan error, 1)
	var c connection
	go func() {
		server, channels, requests, err := ssh.NewServerConn(conn, config)
		if err == nil {
			c = connection{server, channels}
			go ssh.DiscardRequests(requests)
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			err = fmt.Errorf("beginning the session: %w", err)
		}
		return c, err
	case <-time.After(handshakePatience):
		return connection{}, errors.New("beginning the session: the client says nothing: this command is for `wadi ssh` to run")
	}
}

// keepAlive closes silent when the client has not answered for hangUpAfter.
func keepAlive(client ssh.Conn, silent chan<- struct{}) {
	for {
		late := time.AfterFunc(hangUpAfter, func() { close(silent) })
		_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
		if !late.Stop() || err != nil {
			return
		}
		time.Sleep(keepAliveEvery)
	}
}
