package router

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"wadi/internal/testwait"
)

// drains stops the router with a request in flight and a connection upgraded.
func drains(t *testing.T, r *running, host string) {
	t.Helper()
	upgraded, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer upgraded.Close()
	fmt.Fprintf(upgraded, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReader(upgraded), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}

	body, rest := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.addr+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	res, err = r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	testwait.Until(t, "nothing more is accepted", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	go func() { io.WriteString(rest, " the rest"); rest.Close() }()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.HasSuffix(string(b), " the rest") {
		t.Errorf("the request in flight got %q, %v", b, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := upgraded.Read(make([]byte, 1)); err == nil {
		t.Error("an upgraded connection outlives the router")
	}
}
