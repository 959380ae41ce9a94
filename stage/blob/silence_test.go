package blob

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that goes by when it is told to.
type clock struct {
	mu     sync.Mutex
	now    time.Duration
	timers []*fakeTimer
	reset  chan struct{} // for each Reset, as far as it holds them
}

type fakeTimer struct {
	clock *clock
	at    time.Duration
	f     func()
	idle  bool // stopped, or over
}

func (c *clock) after(d time.Duration, f func()) timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{clock: c, at: c.now + d, f: f}
	c.timers = append(c.timers, t)
	return t
}

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.idle = true
	return true
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.at, t.idle = t.clock.now+d, false
	select {
	case t.clock.reset <- struct{}{}:
	default:
	}
	return true
}

// pass lets d go by.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	slices.SortStableFunc(c.timers, func(a, b *fakeTimer) int { return cmp.Compare(a.at, b.at) })
	for _, t := range c.timers {
		if !t.idle && t.at <= c.now {
			t.idle = true
			t.f()
		}
	}
}

// quietServer answers the requests with the given functions, those that follow with the last.
func quietServer(t *testing.T, answers ...func(*clock, http.ResponseWriter, *http.Request)) (*Client, *[]string) {
	t.Helper()
	clock := &clock{reset: make(chan struct{}, 100)}
	var mu sync.Mutex
	told, n := []string{}, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[min(n, len(answers)-1)]
		n++
		mu.Unlock()
		answer(clock, w, r)
	}))
	t.Cleanup(s.Close)
	return &Client{URL: s.URL, HTTP: s.Client(), after: clock.after, OnSilence: func(op string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, op)
	}}, &told
}

func hangs(c *clock, _ http.ResponseWriter, r *http.Request) {
	c.pass(defaultPatience)
	<-r.Context().Done() // the client goes
}

func answers(_ *clock, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("known")) }

func stops(c *clock, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("begun"))
	_ = http.NewResponseController(w).Flush()
	<-c.reset // by the head
	<-c.reset // and by what was begun
	hangs(c, w, r)
}

const askResult = "get staging result " + digestA + " of space default"

// A store that takes connections and answers nothing is an error that says so,
// and not a wait without an end; who waits hears of it before.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	c, told := quietServer(t, hangs)
	_, err := c.Result(t.Context(), "default", digestA)
	want := askResult + " (" + c.URL + "/v1/results/default/" + digestA + "): no answer for 1m0s; the blob store hangs, or the network does: see wadi platform status"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if !slices.Equal(*told, []string{askResult, askResult}) {
		t.Errorf("told %q, want %q once for each of two attempts", *told, askResult)
	}
}

// A connection that a machine's sleep has cut is given up for another.
func TestAnswerAfterSilence(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*clock, http.ResponseWriter, *http.Request){"silence": hangs, "half an answer": stops} {
		c, _ := quietServer(t, first, answers)
		if body, err := c.Result(t.Context(), "default", digestA); err != nil || string(body) != "known" {
			t.Errorf("after %s: %q, %v", name, body, err)
		}
	}
	c, told := quietServer(t, stops)
	_, err := c.Result(t.Context(), "default", digestA)
	if err == nil || !strings.Contains(err.Error(), "the answer broke off: no answer for 1m0s; the blob store hangs") || len(*told) > 0 {
		t.Errorf("error %v, told %q", err, *told)
	}
}

// What the store has to read whole before it answers is waited for, and so is
// what is still on its way there.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what call
		want time.Duration
	}{
		{call{}, time.Minute},
		{call{body: make([]byte, 3*slowest)}, time.Minute + 3*time.Second},
		{call{timeout: time.Second}, time.Second},
		{call{works: true}, attemptTimeout},
		{call{works: true, timeout: 2 * time.Hour}, 2 * time.Hour},
	} {
		_, s, stop := new(Client).listen(t.Context(), tt.what)
		stop()
		if s.patience != tt.want {
			t.Errorf("%+v: %v, want %v", tt.what, s.patience, tt.want)
		}
	}
}

// slowLine takes a piece of a body after every pause.
type slowLine struct {
	clock  *clock
	pause  time.Duration
	pieces int // until it takes no more
}

func (l slowLine) RoundTrip(r *http.Request) (*http.Response, error) {
	piece := make([]byte, 64<<10)
	for range l.pieces {
		l.clock.pass(l.pause)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		if _, err := r.Body.Read(piece); err != nil {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}
	}
	l.clock.pass(attemptTimeout)
	return nil, r.Context().Err()
}

// What goes up slowly is life, however long it takes.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line slowLine
		says string // "" is none
		told bool
	}{
		"slow":        {slowLine{pause: 9 * time.Second, pieces: 100}, "", false}, // almost 10 min
		"very slow":   {slowLine{pause: 11 * time.Second, pieces: 100}, "", true},
		"gets stuck":  {slowLine{pause: 9 * time.Second, pieces: 3}, "no answer for", true},
		"is too slow": {slowLine{pause: 20 * time.Second, pieces: 100}, "no whole answer", true},
	} {
		told := false
		time := &clock{reset: make(chan struct{}, 1)}
		tt.line.clock = time
		c := &Client{URL: "http://store", HTTP: &http.Client{Transport: tt.line}, after: time.after, OnSilence: func(string) { told = true }}
		_, err := c.do(t.Context(), call{op: "upload", method: http.MethodPut, path: "/x", body: make([]byte, 4<<20), once: true})
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) || told != tt.told {
			t.Errorf("%s: %v, told %v", name, err, told)
		}
	}
}
