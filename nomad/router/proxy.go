package router

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
)

// proxy answers the clients' requests.
type proxy struct {
	fleet  *fleet
	access *accessLog
	log    *slog.Logger
}

// copyBuffers are shared by all requests; 32 KiB is what io.Copy takes.
var copyBuffers = buffers{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// ServeHTTP routes one request and writes its line to the access log.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isIP(requestHost(r.Host)) && r.URL.Path == HealthPath {
		p.serveHealth(w)
		return
	}
	x := &exchange{
		in: r, start: time.Now(), id: uuid.NewString(), log: p.log,
		out: &responseRecorder{ResponseWriter: w},
	}
	body := &countedBody{ReadCloser: r.Body}
	// The log line is written even if the copying of a response is cut off,
	// which ReverseProxy reports by a panic that the server expects.
	defer func() { p.access.write(x, body.n.Load()) }()

	if refusal := refuse(r); refusal != nil {
		x.fail(*refusal)
		return
	}
	t := p.fleet.table.Load()
	if t == nil {
		x.fail(answerStarting)
		return
	}
	if x.pool = t.lookup(r.Host, r.URL.EscapedPath()); x.pool == nil {
		x.fail(answerNoRoute(requestHost(r.Host)))
		return
	}
	// An app may answer before it has read the whole body: a refusal of a
	// large upload, or a stream each way. HTTP/1 only, hence no error elsewhere.
	_ = http.NewResponseController(w).EnableFullDuplex()
	counted := r.WithContext(r.Context())
	counted.Body = body
	(&httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		Transport:      x,
		FlushInterval:  -1, // streams reach the client as they come
		BufferPool:     &copyBuffers,
		ModifyResponse: x.modifyResponse,
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { x.failed(err) },
		ErrorLog:       slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}).ServeHTTP(x.out, counted)
}

// serveHealth tells whether there is a table.
func (p *proxy) serveHealth(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	t := p.fleet.table.Load()
	if t == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "starting: nomad has not said yet what to route to")
		return
	}
	fmt.Fprintf(w, "ok: %d routes\n", t.size())
}

// refuse turns away what only a forward proxy would serve. A target with a
// scheme or host of its own, even that of an app, has no business here.
func refuse(r *http.Request) *answer {
	switch {
	case r.Method == http.MethodConnect:
		return &answerConnect
	case r.URL.Host != "" || r.URL.Scheme != "" || r.URL.Opaque != "" || len(r.RequestURI) == 0 || r.RequestURI[0] != '/':
		return &answerForward
	case r.Host == "":
		return &answerNoHost
	}
	return nil
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// exchange is one request on its way: the transport, the error handler and
// the rest of what httputil.ReverseProxy lets us decide.
type exchange struct {
	in    *http.Request
	out   *responseRecorder
	log   *slog.Logger
	start time.Time
	id    string

	pool     *pool     // nil: no route
	instance *instance // the last one tried
	sticky   string    // the allocation of the client's session
	body     *attemptBody
	failure  string // X-Cf-RouterError
}

// RoundTrip sends the request to a ready instance; if that one fails before
// it can have seen anything of it, to the next.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	var tried []*instance
	var lastErr error
	x.sticky = stickyTo(out)
	for len(tried) < maxAttempts {
		i := x.pool.pick(x.sticky, tried, time.Now())
		if i == nil {
			break
		}
		tried = append(tried, i)
		x.instance = i
		res, err := x.attempt(out, i)
		if err == nil {
			return res, nil
		}
		lastErr = err
		unsent := isDialError(err)
		if unsent {
			i.unreachable(time.Now())
		}
		if out.Context().Err() != nil || !x.body.abandon() || (!unsent && !mayRepeat(out, err)) {
			break
		}
		x.log.Debug("trying another instance", "app", x.pool.app.name, "index", i.index, "instance", i.alloc, "error", err)
	}
	return nil, cmp.Or(lastErr, errNoInstance)
}

func (x *exchange) attempt(out *http.Request, i *instance) (*http.Response, error) {
	try := out.Clone(out.Context())
	try.URL.Host = i.addr
	try.Trailer = out.Trailer // filled while the body is read, so not a copy
	x.body = &attemptBody{}
	if out.Body != nil {
		x.body.from = out.Body
		try.Body = x.body
	}
	return i.transport.RoundTrip(try)
}

// failed answers for an exchange that brought no response.
func (x *exchange) failed(err error) {
	a := explain(err, x.in.Context().Err(), x.body, x.pool, x.instance)
	if a.status != statusClientGone {
		level := slog.LevelWarn
		if a.kind == kindNoEndpoints {
			level = slog.LevelDebug // the prober has said why
		}
		args := []any{"app", x.pool.app.name, "space", x.pool.app.namespace, "error", err, "request", x.id}
		if x.instance != nil {
			args = append(args, "index", x.instance.index, "instance", x.instance.alloc)
		}
		x.log.Log(context.WithoutCancel(x.in.Context()), level, "request failed", args...)
	}
	x.fail(a)
}

// fail writes an answer of the router's own.
func (x *exchange) fail(a answer) {
	x.failure = a.kind
	x.out.status = a.status
	if a.status == statusClientGone {
		return
	}
	h := x.out.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set(headerRouterError, a.kind)
	h.Set(headerVcapRequestID, x.id)
	for k, v := range a.header {
		h.Set(k, v)
	}
	x.out.WriteHeader(a.status)
	io.WriteString(x.out, fmt.Sprintf("%d %s: %s\n", a.status, http.StatusText(a.status), a.text))
}

func peerIP(remoteAddr string) string {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		return remoteAddr
	}
	return host
}
