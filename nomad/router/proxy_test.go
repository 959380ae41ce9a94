package router

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wadi/internal/testport"
)

// edge is a router whose table a test sets.
type edge struct {
	*httptest.Server
	fleet  *fleet
	access *syncBuffer
}

// newEdge serves app "hello" at hello.example.com from these instances.
func newEdge(t *testing.T, instances ...*instance) *edge {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := &edge{fleet: &fleet{log: log}, access: &syncBuffer{}}
	var claims []claim
	for _, i := range instances {
		claims = append(claims, claim{instance: i, routes: []route{{host: "hello.example.com"}}})
	}
	table, _ := buildTable(claims)
	e.fleet.table.Store(table)
	e.Server = httptest.NewServer(&proxy{fleet: e.fleet, access: &accessLog{w: e.access}, log: log})
	t.Cleanup(e.Close)
	t.Cleanup(func() {
		for _, i := range instances {
			i.transport.CloseIdleConnections()
		}
	})
	return e
}

// backend is a ready instance that answers with h.
func backend(t *testing.T, h http.HandlerFunc) *instance {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return readyAt(s.Listener.Addr().String())
}

// rawBackend is a ready instance whose connections are served by serve.
func rawBackend(t *testing.T, serve func(net.Conn)) *instance {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return readyAt(l.Addr().String())
}

// deadBackend is an instance that counts as ready and refuses connections, at
// a port that the kernel gives to nobody meanwhile.
func deadBackend(t *testing.T) *instance {
	t.Helper()
	return readyAt(fmt.Sprint("127.0.0.1:", testport.Free(t)))
}

func readyAt(addr string) *instance {
	i := newInstance(testApp("hello", 1), "alloc-"+addr, 0, addr, "127.0.0.1:1")
	i.ready.Store(true)
	return i
}

// request makes a request for the app.
func (e *edge) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "hello.example.com"
	return r
}

func (e *edge) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := e.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// dial opens a connection that gives up after a while, so that a test fails
// and does not hang.
func (e *edge) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", e.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// raw sends bytes and gives the first response's status, header and body.
func (e *edge) raw(t *testing.T, request string) (*http.Response, string) {
	t.Helper()
	c, r := e.dial(t)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res, string(b)
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestRequestReachesAppAsSent(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) { got <- r }))
	res, _ := e.raw(t, "GET /a%2Fb//c/../d?x=1;y=%zz& HTTP/1.1\r\nHost: Hello.Example.com:8080\r\n"+
		"Connection: close, X-Secret, X-Forwarded-Host\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic x\r\nProxy-Connection: close\r\nTE: trailers\r\n"+
		"X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"+
		"X-Vcap-Request-Id: forged\r\nX-Request-Id: mine\r\nX-Kept: yes\r\nCookie: a=b\r\n\r\n")
	if res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	r := <-got
	if r.RequestURI != "/a%2Fb//c/../d?x=1;y=%zz&" || r.Host != "Hello.Example.com:8080" {
		t.Errorf("target %q, host %q", r.RequestURI, r.Host)
	}
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "Hello.Example.com:8080",
		"X_forwarded_for": "", "X-Forwarded-Port": "", "Forwarded": "", "X-Real-Ip": "",
		"Connection": "", "X-Secret": "", "Keep-Alive": "", "Proxy-Authorization": "", "Proxy-Connection": "", "Te": "trailers",
		"X-Request-Id": "mine", "X-Kept": "yes", "Cookie": "a=b", "User-Agent": "", "Accept-Encoding": "",
	} {
		if v := strings.Join(r.Header[name], "|"); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	id := res.Header.Get("X-Vcap-Request-Id")
	if id == "" || id == "forged" || r.Header.Get("X-Vcap-Request-Id") != id {
		t.Errorf("request id %q for the client, %q for the app", id, r.Header.Get("X-Vcap-Request-Id"))
	}
}

func TestResponseReachesClientAsSent(t *testing.T) {
	t.Parallel()
	e := newEdge(t, rawBackend(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		body := "<html>"
		if r.Method == "HEAD" {
			body = ""
		}
		fmt.Fprintf(c, "HTTP/1.1 418 Short\r\nContent-Length: 6\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Cf-RouterError: forged\r\nX-Vcap-Request-Id: forged\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n%s", body)
	}))
	for _, method := range []string{"GET", "HEAD"} {
		res, body := e.raw(t, method+" / HTTP/1.1\r\nHost: hello.example.com\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 418 || res.ContentLength != 6 || (method == "GET") != (body == "<html>") {
			t.Errorf("%s: %s, length %d, body %q", method, res.Status, res.ContentLength, body)
		}
		for name, want := range map[string]string{
			"X-Hop": "", "X-Cf-Routererror": "", "Set-Cookie": "a=1|b=2", "Content-Type": "",
		} {
			if v := strings.Join(res.Header[name], "|"); v != want {
				t.Errorf("%s: %s is %q, want %q", method, name, v, want)
			}
		}
		if ids := res.Header["X-Vcap-Request-Id"]; len(ids) != 1 || ids[0] == "forged" {
			t.Errorf("%s: request ids %q", method, ids)
		}
	}
}

func TestAnswersOfTheRouter(t *testing.T) {
	t.Parallel()
	idle := readyAt("127.0.0.1:1")
	idle.ready.Store(false)
	down, up := newEdge(t, deadBackend(t), deadBackend(t)), newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the app got %s %s", r.Method, r.RequestURI)
	}))
	starting := newEdge(t)
	starting.fleet.table.Store(nil)
	const tail = " HTTP/1.1\r\nHost: hello.example.com\r\n\r\n"
	for _, c := range []struct {
		name    string
		e       *edge
		request string
		status  int
		kind    string
		text    string
	}{
		{"unknown host", up, "GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n", 404, "unknown_route", "('other.example.com') does not exist"},
		{"address as host", up, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, "unknown_route", "does not exist"},
		{"no host", up, "GET / HTTP/1.0\r\n\r\n", 400, "invalid_request", "no Host"},
		{"not ready", newEdge(t, idle), "GET /" + tail, 503, "no_endpoints", "app hello has no ready instance (1 registered)"},
		{"dead", down, "GET /" + tail, 502, "endpoint_failure", "instance 0 of app hello could not be reached"},
		{"starting", starting, "GET /" + tail, 503, "router_starting", "just started"},
		{"connect", up, "CONNECT hello.example.com:443" + tail, 405, "invalid_request", "CONNECT"},
		{"connect to a path", up, "CONNECT /x" + tail, 405, "invalid_request", "CONNECT"},
		{"absolute target", up, "GET http://127.0.0.1:22/" + tail, 400, "invalid_request", "has to be a path"},
		{"absolute target of the app", up, "GET http://hello.example.com/" + tail, 400, "invalid_request", "has to be a path"},
		{"other scheme", up, "GET ftp://hello.example.com/" + tail, 400, "invalid_request", "has to be a path"},
		{"opaque target", up, "GET mailto:x" + tail, 400, "invalid_request", "has to be a path"},
		{"asterisk", up, "GET *" + tail, 400, "invalid_request", "has to be a path"},
	} {
		res, body := c.e.raw(t, c.request)
		if res.StatusCode != c.status || res.Header.Get("X-Cf-RouterError") != c.kind || !strings.Contains(body, c.text) {
			t.Errorf("%s: %s %q %q, want %d %s with %q", c.name, res.Status, res.Header.Get("X-Cf-RouterError"), body, c.status, c.kind, c.text)
		}
		if strings.Contains(body, "127.0.0.1:") {
			t.Errorf("%s: the answer tells an address: %q", c.name, body)
		}
		if (c.status == 503) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", c.name, res.Header.Get("Retry-After"))
		}
	}
}

func TestHealthIsNoAppsPath(t *testing.T) {
	t.Parallel()
	e := newEdge(t, backend(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "app") }))
	if _, body := e.raw(t, "GET "+HealthPath+" HTTP/1.1\r\nHost: hello.example.com\r\nConnection: close\r\n\r\n"); body != "app" {
		t.Errorf("the app's host answered %q", body)
	}
	for _, host := range []string{"127.0.0.1:8080", "127.0.0.1", "[::1]:8080"} {
		res, body := e.raw(t, "GET "+HealthPath+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 200 || body != "ok: 1 routes\n" {
			t.Errorf("%s: %s %q", host, res.Status, body)
		}
	}
	e.fleet.table.Store(nil)
	if res, _ := e.raw(t, "GET "+HealthPath+" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"); res.StatusCode != 503 {
		t.Errorf("before the first table: %s", res.Status)
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	i := backend(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(201)
		io.WriteString(w, "four")
	})
	i.index = 3
	e := newEdge(t, i)
	e.raw(t, "POST /p?\"q\" HTTP/1.1\r\nHost: hello.example.com\r\nConnection: close\r\nUser-Agent: a\" b\u2028\r\nContent-Length: 6\r\n\r\nsixsix")
	e.raw(t, "GET /x HTTP/1.1\r\nHost: nobody.example.com\r\nConnection: close\r\n\r\n")
	e.Close() // both lines are written when their requests are over
	lines := strings.Split(strings.TrimSuffix(e.access.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	slices.Sort(lines) // one connection may end before the other's line is written
	for _, want := range []string{
		"hello.example.com - [20", `Z] "POST /p?\"q\" HTTP/1.1" 201 6 4 "-" "a\" b\u2028" "127.0.0.1:`, `" "` + i.addr + `" `,
		`x_forwarded_for:"127.0.0.1" x_forwarded_proto:"http" vcap_request_id:"`, `app:"hello" space:"default" app_index:"3" instance_id:"` + i.alloc + `" x_cf_routererror:"-"`,
	} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("%q\nlacks %q", lines[0], want)
		}
	}
	if !strings.HasPrefix(lines[1], "nobody.example.com - [") || !strings.HasSuffix(lines[1], `app:"-" space:"-" app_index:"-" instance_id:"-" x_cf_routererror:"unknown_route"`) {
		t.Errorf("%q", lines[1])
	}
}
