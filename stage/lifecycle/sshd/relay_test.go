package sshd

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a client that reads a little every hour.
type slow struct{ bytes.Buffer }

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Hour)
	return s.Buffer.Write(p)
}

// Nothing that a command has printed is lost where the client reads slowly.
func TestRelayWaitsForTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		close(over)
		text := strings.Repeat("0123456789", 20<<10)
		var client slow
		relay(&client, strings.NewReader(text), over)
		if client.String() != text {
			t.Errorf("%d bytes came of %d", client.Len(), len(text))
		}
	})
}

// What keeps a terminal open and prints nothing is waited for while the command
// runs, and not for ever after.
func TestRelayGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		terminal, command := io.Pipe()
		defer command.Close()
		over, sent := make(chan struct{}), make(chan time.Duration)
		began := time.Now()
		var client bytes.Buffer
		go func() {
			relay(&client, terminal, over)
			sent <- time.Since(began)
		}()
		time.Sleep(time.Hour)
		for _, text := range []string{"out", "put"} {
			if _, err := io.WriteString(command, text); err != nil {
				t.Error(err)
			}
			if text == "out" {
				close(over)
			}
			time.Sleep(terminalDrain - time.Second)
		}
		if took := <-sent; client.String() != "output" || took != time.Hour+2*terminalDrain-time.Second {
			t.Errorf("%q came, and the end after %s", client.String(), took)
		}
	})
}
