package router

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wadi/internal/testwait"
)

func TestUnreachableInstanceIsPassedOver(t *testing.T) {
	t.Parallel()
	live := backend(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Method, b)
	})
	e := newEdge(t, deadBackend(t), live, deadBackend(t), deadBackend(t))
	for n := range 20 {
		for _, i := range e.fleet.table.Load().exact["hello.example.com"][0].instances {
			i.suspected.Store(0) // each request starts with no knowledge of the last one's failure
		}
		res, body := e.do(t, e.request(t, "POST", "/", strings.NewReader(fmt.Sprint("body", n))))
		if res.StatusCode != 200 || body != fmt.Sprint("POST body", n) {
			t.Fatalf("%d: %s %q", n, res.Status, body)
		}
	}
	e.Close()
	if n := strings.Count(e.access.String(), `instance_id:"`+live.alloc+`"`); n != 20 {
		t.Errorf("%d of 20 log lines name the instance that answered", n)
	}
}

func TestUnreachableInstanceIsAvoidedForAWhile(t *testing.T) {
	t.Parallel()
	dead := deadBackend(t)
	e := newEdge(t, dead, backend(t, func(http.ResponseWriter, *http.Request) {}))
	for range 2 { // one of two in a row is the dead one's turn
		e.do(t, e.request(t, "GET", "/", nil))
	}
	if dead.suspected.Load() == 0 || len(dead.probeNow) != 1 {
		t.Error("an instance that refused a connection is neither avoided nor looked at")
	}
}

func TestBodyIsLentToOneAttempt(t *testing.T) {
	t.Parallel()
	from := strings.NewReader("body")
	first, second := &attemptBody{from: from}, &attemptBody{from: from}
	if !first.abandon() {
		t.Fatal("a body nobody read from cannot be taken back")
	}
	if _, err := first.Read(make([]byte, 4)); !errors.Is(err, errAbandoned) {
		t.Errorf("the first attempt reads what is the second's: %v", err)
	}
	if b, err := io.ReadAll(second); err != nil || string(b) != "body" {
		t.Errorf("%q, %v", b, err)
	}
	if second.abandon() || second.broken() {
		t.Error("a body that was read counts as untouched or broken")
	}
}

func TestRequestIsRepeatedOnlyIfThatDoesNoHarm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, body string
		hits         int64
	}{
		{"GET", "", 2}, {"HEAD", "", 2}, {"DELETE", "", 2}, {"PUT", "", 2},
		{"POST", "", 1}, {"PATCH", "", 1}, {"POST", "x", 1}, {"PUT", "x", 1}, {"LOCK", "", 1},
	} {
		t.Run(c.method+c.body, func(t *testing.T) {
			t.Parallel()
			var hits atomic.Int64
			// Takes the whole request and hangs up.
			hangUp := func(conn net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					io.Copy(io.Discard, r.Body)
					hits.Add(1)
				}
			}
			e := newEdge(t, rawBackend(t, hangUp), rawBackend(t, hangUp))
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			res, text := e.do(t, e.request(t, c.method, "/", body))
			if res.StatusCode != 502 || (c.method != "HEAD" && !strings.Contains(text, "closed the connection before it had answered")) {
				t.Errorf("%s %q", res.Status, text)
			}
			if hits.Load() != c.hits {
				t.Errorf("the app saw it %d times, want %d", hits.Load(), c.hits)
			}
		})
	}
}

func TestAppThatDoesNotSpeakHTTP(t *testing.T) {
	t.Parallel()
	e := newEdge(t, rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "220 smtp.example.com ESMTP\r\n\r\n")
	}))
	if res, text := e.do(t, e.request(t, "POST", "/", nil)); res.StatusCode != 502 || !strings.Contains(text, "valid HTTP") {
		t.Errorf("%s %q", res.Status, text)
	}
}

func TestAppThatDoesNotAnswerInTime(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	slow := func() *instance {
		i := backend(t, func(w http.ResponseWriter, r *http.Request) {
			hits.Add(1)
			<-r.Context().Done()
		})
		i.transport.ResponseHeaderTimeout = time.Second
		return i
	}
	e := newEdge(t, slow(), slow())
	res, text := e.do(t, e.request(t, "GET", "/", nil))
	testwait.Until(t, "the app has the request", func() bool { return hits.Load() > 0 }) // on a busy machine it may come too late
	if res.StatusCode != 502 || !strings.Contains(text, "did not answer in time") || hits.Load() != 1 {
		t.Errorf("%s %q after %d tries", res.Status, text, hits.Load())
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	peers := map[string]bool{}
	i := backend(t, func(w http.ResponseWriter, r *http.Request) { peers[r.RemoteAddr] = true })
	i.transport.IdleConnTimeout = testwait.Patience // however long the machine takes between two
	e := newEdge(t, i)
	for range 10 {
		e.do(t, e.request(t, "GET", "/", nil))
	}
	if len(peers) != 1 {
		t.Errorf("10 requests in a row took %d connections to the app", len(peers))
	}
}

// A request must end for the app where it ends for the router.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	const start = "POST / HTTP/1.1\r\nHost: hello.example.com\r\n"
	const inner = "GET /smuggled HTTP/1.1\r\nHost: hello.example.com\r\n\r\n"
	chunked := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(s), s) }
	for _, c := range []struct {
		name, request string
		status        int
		body          string // what the app may have got, if anything
	}{
		{"TE and CL", start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunked(inner), 200, inner},
		{"CL that covers another request", start + fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n\r\n", len(inner)) + inner, 200, inner},
		{"two CL", start + "Content-Length: 0\r\nContent-Length: 4\r\n\r\n" + inner, 400, ""},
		{"CL list", start + "Content-Length: 0, 4\r\n\r\n" + inner, 400, ""},
		{"CL with sign", start + "Content-Length: +4\r\n\r\n" + inner, 400, ""},
		{"two TE", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked(inner), 501, ""},
		{"TE list", start + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(inner), 501, ""},
		{"unknown TE", start + "Transfer-Encoding: xchunked\r\n\r\n" + chunked(inner), 501, ""},
		{"TE with a tab", start + "Transfer-Encoding:\x0bchunked\r\n\r\n" + chunked(inner), 400, ""},
		{"blank before colon", start + "Transfer-Encoding : chunked\r\n\r\n" + chunked(inner), 400, ""},
		{"folded header", start + "X: y\r\n Content-Length: 4\r\nConnection: close\r\n\r\n", 200, ""},
		{"bare CR in header", start + "X: y\rContent-Length: 4\r\n\r\n", 400, ""},
		{"two Hosts", start + "Host: other.example.com\r\n\r\n", 400, ""},
		{"chunk size too long", start + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx", 400, ""},
		{"chunk size not hex", start + "Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n", 400, ""},
		{"chunk without end", start + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcdX0\r\n\r\n", 400, ""},
		{"blank in target", "GET / HTTP/1.1\r\nX: y HTTP/1.1\r\nHost: a b\r\n\r\n", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if r.URL.Path != "/" || (err == nil && string(b) != c.body) || (r.ContentLength >= 0 && len(r.TransferEncoding) > 0) {
					t.Errorf("the app got %s %s, body %q", r.Method, r.RequestURI, b)
				}
			}))
			if res, text := e.raw(t, c.request); res.StatusCode != c.status {
				t.Errorf("%s %q, want %d", res.Status, text, c.status)
			}
		})
	}
}
