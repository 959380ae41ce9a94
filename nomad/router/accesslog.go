package router

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// accessLog writes a line a request, like the RTR lines of Cloud Foundry.
type accessLog struct {
	mu sync.Mutex
	w  io.Writer
}

// write writes x's line; received is what was read of the request's body.
// All that the client or the app chose is quoted or free of blanks, so one
// request is one line. An upgraded connection's bytes are not counted.
func (l *accessLog) write(x *exchange, received int64) {
	r := x.in
	app, space, index, instance, backend := "-", "-", "-", "-", "-"
	if x.pool != nil {
		app, space = x.pool.app.name, x.pool.app.namespace
	}
	if x.instance != nil {
		index, instance, backend = strconv.Itoa(x.instance.index), x.instance.alloc, x.instance.addr
	}
	line := fmt.Sprintf("%s - [%s] %q %d %d %d %q %q %q %q x_forwarded_for:%q x_forwarded_proto:%q vcap_request_id:%q response_time:%.6f app:%q space:%q app_index:%q instance_id:%q x_cf_routererror:%q\n",
		orDash(r.Host), x.start.UTC().Format("2006-01-02T15:04:05.000000000Z"), r.Method+" "+r.RequestURI+" "+r.Proto,
		x.out.status, received, x.out.bytes, orDash(r.Referer()), orDash(r.UserAgent()), r.RemoteAddr, backend,
		peerIP(r.RemoteAddr), scheme(r), x.id, time.Since(x.start).Seconds(),
		app, space, index, instance, orDash(x.failure))
	l.mu.Lock()
	defer l.mu.Unlock()
	// There is no other place to say that the log cannot be written.
	_, _ = io.WriteString(l.w, line)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// responseRecorder notes what the access log needs of a response.
type responseRecorder struct {
	http.ResponseWriter
	status int   // 0 = nothing was sent
	bytes  int64 // of the body
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *responseRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader passes on interim responses (1xx) without noting them.
func (w *responseRecorder) WriteHeader(status int) {
	if status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseRecorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
