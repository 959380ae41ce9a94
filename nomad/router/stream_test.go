package router

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"wadi/internal/testwait"
)

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "24") // httputil would flush a stream of unknown length anyway
		for n := range 3 {
			fmt.Fprintf(w, "data: %d\n", n)
			w.(http.Flusher).Flush()
			select {
			case <-next: // only once the client has this one
			case <-r.Context().Done():
				return
			}
		}
	}))
	res, err := e.Client().Do(e.request(t, "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for n := range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", n) {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
}

func TestSlowBodyIsPassedOnAsItComes(t *testing.T) {
	t.Parallel()
	seen := make(chan string)
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 16)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				seen <- string(b[:n])
			}
			if err != nil {
				fmt.Fprint(w, err)
				return
			}
		}
	}))
	body, write := io.Pipe()
	go func() {
		for _, part := range []string{"one", "two", "three"} {
			io.WriteString(write, part)
			if got := <-seen; got != part {
				t.Errorf("the app read %q, want %q before the next part is sent", got, part)
			}
		}
		write.Close()
	}()
	if _, got := e.do(t, e.request(t, "POST", "/", body)); got != "EOF" {
		t.Error(got)
	}
}

func TestLargeBodiesBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	}))
	const size = 32 << 20
	seed := [32]byte{1}
	sent, received := sha256.New(), sha256.New()
	r := e.request(t, "PUT", "/", io.TeeReader(io.LimitReader(rand.NewChaCha8(seed), size), sent))
	res, err := e.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(received, res.Body); err != nil || n != size || string(sent.Sum(nil)) != string(received.Sum(nil)) {
		t.Errorf("%d of %d bytes came back, %v, or others", n, size, err)
	}
}

func TestEarlyRefusalOfALargeBody(t *testing.T) {
	t.Parallel()
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "too big", http.StatusRequestEntityTooLarge)
	}))
	c, r := e.dial(t)
	// The rest of the body never comes; the answer has to.
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: hello.example.com\r\nContent-Length: 1000000000\r\n\r\nstart")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Error(res.Status)
	}
}

func TestTrailersBothWays(t *testing.T) {
	t.Parallel()
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-In"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "unannounced")
	}))
	r := e.request(t, "POST", "/", io.MultiReader(strings.NewReader("body"))) // chunked
	r.Trailer = http.Header{"X-In": {"42"}}
	res, body := e.do(t, r)
	if body != "body" || res.Trailer.Get("X-Sum") != "got 42" || res.Trailer.Get("X-Late") != "unannounced" {
		t.Errorf("body %q, trailers %q", body, res.Trailer)
	}
}

func TestInterimResponses(t *testing.T) {
	t.Parallel()
	i := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		b, _ := io.ReadAll(r.Body) // sends 100 Continue
		w.Write(b)
	})
	i.transport.ExpectContinueTimeout = testwait.Patience // else a late hint comes after the 100
	e := newEdge(t, i)
	var hints []string
	r := e.request(t, "POST", "/", strings.NewReader("body"))
	r.Header.Set("Expect", "100-continue")
	*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		},
	}))
	res, body := e.do(t, r)
	if body != "body" || fmt.Sprint(hints) != "[103</style.css>; rel=preload 100]" || res.Header.Get("X-Vcap-Request-Id") == "" {
		t.Errorf("interim responses %q, body %q, header %q", hints, body, res.Header)
	}

	c, br := e.dial(t)
	io.WriteString(c, "POST /refuse HTTP/1.1\r\nHost: hello.example.com\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	refusal, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	refusal.Body.Close()
	if refusal.StatusCode != http.StatusExpectationFailed {
		t.Errorf("without its body: %s", refusal.Status)
	}
}

func TestClientThatLeavesEndsTheRequest(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan struct{})
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}))
	c, _ := e.dial(t)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: hello.example.com\r\n\r\n")
	<-began
	c.Close()
	select {
	case <-ended:
	case <-time.After(testwait.Patience):
		t.Fatal("the app still works for a client that has left")
	}
	e.Close()
	if log := e.access.String(); !strings.Contains(log, ` HTTP/1.1" 499 0 0 `) {
		t.Error(log)
	}
}

func TestResponseCutOffIsSeenByTheClient(t *testing.T) {
	t.Parallel()
	e := newEdge(t, rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
	}))
	res, err := e.Client().Do(e.request(t, "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a response that broke off looks whole: %q", b)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	e := newEdge(t, rawBackend(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		r, err := http.ReadRequest(br)
		if err != nil || r.Header.Get("Upgrade") != "echo/1" || r.Header.Get("Connection") != "Upgrade" {
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\nSec-Thing: yes\r\n\r\nhello,")
		io.Copy(c, br)
		close(closed)
	}))
	c, br := e.dial(t)
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: hello.example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo/1\r\n\r\n")
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "echo/1" || res.Header.Get("Sec-Thing") != "yes" {
		t.Fatal(res, err)
	}
	for _, want := range []string{"hello,", "late"} {
		if want == "late" {
			io.WriteString(c, want)
		}
		b := make([]byte, len(want))
		if _, err := io.ReadFull(br, b); err != nil || string(b) != want {
			t.Fatalf("%q, %v; want %q", b, err, want)
		}
	}
	c.Close()
	<-closed
	e.Close()
	// the server does not wait for hijacked connections
	if !testwait.For(func() bool { return strings.Contains(e.access.String(), `"GET /ws HTTP/1.1" 101 `) }) {
		t.Fatalf("access log: %q", e.access.String())
	}
}

func TestCleartextHTTP2IsNotOffered(t *testing.T) {
	t.Parallel()
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["Upgrade"], r.Header["Connection"], r.Header["Http2-Settings"])
	}))
	_, body := e.raw(t, "GET / HTTP/1.1\r\nHost: hello.example.com\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n")
	if body != "[] [] []" {
		t.Error(body)
	}
}
