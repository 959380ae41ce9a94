package watch

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPending(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	p := pending{quiet: 100 * time.Millisecond, limit: time.Second}
	if _, some := p.due(); some {
		t.Error("something is due before anything changed")
	}
	p.add("/a", at(0))
	p.add("/b", at(50))
	p.add("/a", at(80))
	if due, some := p.due(); !some || due != at(180) {
		t.Errorf("due at %v", due)
	}
	if want := []string{"/a", "/b"}; !slices.Equal(p.change.Paths, want) {
		t.Errorf("%q, want %q", p.change.Paths, want)
	}
	for ms := 100; ms < 2000; ms += 50 { // it never becomes quiet
		p.add("/log", at(ms))
	}
	if due, _ := p.due(); due != at(1000) {
		t.Errorf("due at %v, want the limit", due)
	}
	p.reset()
	if _, some := p.due(); some {
		t.Error("something is due after it was told")
	}
	p.add("", at(5000)) // unknown
	if due, some := p.due(); !some || due != at(5100) || len(p.change.Paths) != 0 {
		t.Errorf("due at %v: %+v", due, p.change)
	}
	p.reset()
	for i := range maxPaths + 7 {
		for range 2 {
			p.add(fmt.Sprint("/", i), at(6000))
		}
	}
	if len(p.change.Paths) != maxPaths || p.change.More != 7 {
		t.Errorf("%d paths and %d more", len(p.change.Paths), p.change.More)
	}
}
