package router

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"wadi/internal/testwait"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		verdicts []verdict
		want     bool
	}{
		{"unknown", nil, false},
		{"ready", []verdict{isReady}, true},
		{"starts", []verdict{isGone, isNotReady, isReady}, true},
		{"drains", []verdict{isReady, isNotReady}, false},
		{"another took its port", []verdict{isReady, isStranger}, false},
		{"died", []verdict{isReady, isGone}, false},
		{"late once", []verdict{isReady, isSilent}, true},
		{"late twice", []verdict{isReady, isSilent, isSilent}, true},
		{"hangs", []verdict{isReady, isSilent, isSilent, isSilent}, false},
		{"late now and then", []verdict{isReady, isSilent, isSilent, isReady, isSilent, isSilent}, true},
		{"never answered", []verdict{isSilent}, false},
		{"back", []verdict{isReady, isGone, isReady}, true},
	} {
		ready, quiet := false, 0
		for _, v := range c.verdicts {
			ready, quiet = judge(ready, quiet, v)
		}
		if ready != c.want {
			t.Errorf("%s: ready is %v", c.name, ready)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		name   string
		header string
		status int
		want   verdict
	}{
		{"ready", "mine", 200, isReady},
		{"not ready", "mine", 503, isNotReady},
		{"old version without the path", "mine", 404, isNotReady},
		{"another's supervisor", "other", 200, isStranger},
		{"any web server", "", 200, isStranger},
		{"redirect", "mine", 302, isNotReady},
		{"nobody", "", 0, isGone},
		{"silence", "", -1, isSilent},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/ready" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				if c.header != "" {
					w.Header().Set(instanceHeader, c.header)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
			}))
			defer s.Close()
			addr := s.Listener.Addr().String()
			switch c.status {
			case 0:
				s.Close()
			case -1:
				addr = silent.Addr().String()
			}
			p := newProber(slog.New(slog.DiscardHandler))
			p.client.Timeout = map[bool]time.Duration{true: 50 * time.Millisecond, false: time.Minute}[c.want == isSilent]
			if got := p.probe(t.Context(), newInstance(testApp("a", 1), "mine", 0, "127.0.0.1:1", addr)); got != c.want {
				t.Errorf("%q, want %q", verdictText[got], verdictText[c.want])
			}
		})
	}
}

func TestFollowSeesAnInstanceComeAndGo(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	status.Store(503)
	probes := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case probes <- struct{}{}:
		case <-ctx.Done():
		}
		w.Header().Set(instanceHeader, "mine")
		w.WriteHeader(int(status.Load()))
	}))
	defer s.Close()
	defer cancel()
	i := newInstance(testApp("a", 1), "mine", 0, "127.0.0.1:1", s.Listener.Addr().String())
	done := make(chan struct{})
	p := newProber(slog.New(slog.DiscardHandler))
	p.client.Timeout = testwait.Patience // one that gives up is no answer, and leaves its request waiting here
	go func() { p.follow(ctx, i); close(done) }()

	<-probes
	<-i.probed
	for _, c := range []struct {
		status int32
		ready  bool
	}{{503, false}, {200, true}, {503, false}, {200, true}} {
		status.Store(c.status)
		i.unreachable(time.Now()) // has it probed at once
		<-probes
		i.unreachable(time.Now())
		<-probes // so the one before is judged by now
		if i.ready.Load() != c.ready {
			t.Errorf("after %d: ready is %v", c.status, i.ready.Load())
		}
	}
	cancel()
	<-done
	if i.ready.Load() {
		t.Error("ready although nobody looks any more")
	}
}
