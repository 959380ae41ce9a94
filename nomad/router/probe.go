package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	probeReady    = time.Second            // between looks at an instance that is ready
	probeNotReady = 250 * time.Millisecond // at one that starts or drains
	probeTimeout  = time.Second
	// silences is how many probes in a row may go unanswered before a ready
	// instance is taken for dead: on a machine at its limits one comes late.
	silences = 3
)

// instanceHeader is how a supervisor says whose it is (InstanceHeader of the
// lifecycle). A port that was an instance's may be anybody's a moment later.
const instanceHeader = "Wadi-Instance"

// verdict is what a probe found out.
type verdict int

const (
	isReady    verdict = iota
	isNotReady         // the supervisor says so
	isStranger         // somebody else answers there
	isGone             // nobody listens, or what answers is not HTTP
	isSilent           // no answer in time
)

var verdictText = map[verdict]string{
	isReady:    "ready",
	isNotReady: "its supervisor says that it is not ready",
	isStranger: "something else answers at its health port",
	isGone:     "its health port cannot be reached",
	isSilent:   "its supervisor does not answer",
}

// prober asks supervisors whether their instances are ready.
type prober struct {
	client *http.Client
	log    *slog.Logger
}

func newProber(log *slog.Logger) *prober {
	return &prober{log: log, client: &http.Client{
		Timeout: probeTimeout,
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{Timeout: probeTimeout}).DialContext,
			IdleConnTimeout: 2 * probeReady,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// follow keeps i.ready current until ctx ends; then the instance is not ready.
func (p *prober) follow(ctx context.Context, i *instance) {
	defer i.ready.Store(false)
	quiet := 0
	for first := true; ; first = false {
		v := p.probe(ctx, i)
		if ctx.Err() != nil {
			return
		}
		var ready bool
		was := i.ready.Load()
		ready, quiet = judge(was, quiet, v)
		i.ready.Store(ready)
		if ready != was || (first && v == isStranger) {
			p.log.Info("instance "+map[bool]string{true: "is ready", false: "is not ready"}[ready],
				"app", i.app.name, "space", i.app.namespace, "index", i.index, "instance", i.alloc, "why", verdictText[v])
		}
		if first {
			close(i.probed)
		}
		wait := probeNotReady
		if ready && v == isReady {
			wait = probeReady
		}
		select {
		case <-ctx.Done():
			return
		case <-i.probeNow:
		case <-time.After(wait):
		}
	}
}

// judge decides from a probe's verdict whether an instance counts as ready,
// and how many probes went unanswered so far.
func judge(ready bool, quiet int, v verdict) (bool, int) {
	switch v {
	case isReady:
		return true, 0
	case isSilent:
		return ready && quiet+1 < silences, quiet + 1
	default:
		return false, 0
	}
}

func (p *prober) probe(ctx context.Context, i *instance) verdict {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.health+"/ready", nil)
	if err != nil {
		return isGone
	}
	res, err := p.client.Do(req)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return isSilent
		}
		return isGone
	}
	// Drained so that the connection can be used again; bounded because
	// the answer may be a stranger's.
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	res.Body.Close()
	switch {
	case res.Header.Get(instanceHeader) != i.alloc:
		return isStranger
	case res.StatusCode == http.StatusOK:
		return isReady
	default:
		return isNotReady
	}
}
