package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"wadi/reconcile"
)

// progress shows what happens while a plan is carried out: on a terminal one
// line an app with a running timer, redrawn, and everything that stays above
// them; elsewhere one line an event with its time. Its methods may be called
// by several apps at once.
type progress struct {
	w     io.Writer
	live  bool // w is a terminal
	color bool
	now   func() time.Time

	mu    sync.Mutex
	apps  []*appLine // in the order in which they began
	drawn int        // lines to go up before drawing again
	said  map[string]string
}

// appLine is what is known of one app.
type appLine struct {
	name  string
	phase reconcile.Phase // "" between phases
	began time.Time
	said  time.Time // when there was a line of an upload's progress, off a terminal
	note  string
}

// redraw is how often the timers of a terminal are drawn again.
const redraw = 200 * time.Millisecond

func newProgress(streams Streams, s settings) *progress {
	return &progress{w: streams.Err, live: isTerminal(streams.Err), color: s.color(streams.Err), now: time.Now, said: map[string]string{}}
}

// run redraws until the function that it answers is called, which takes the
// redrawn lines away.
func (p *progress) run() (stop func()) {
	if !p.live {
		return func() {}
	}
	tick := time.NewTicker(redraw)
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-tick.C:
				p.mu.Lock()
				p.draw("")
				p.mu.Unlock()
			case <-done:
				return
			}
		}
	})
	return func() {
		tick.Stop()
		close(done)
		wait.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.apps = nil
		p.draw("")
	}
}

// event takes one event of the reconciler.
func (p *progress) event(e reconcile.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.line(e.App)
	text := ""
	switch {
	case e.Log != nil:
		text = p.logText(e)
	case e.Progress != nil:
		line.note = uploadText(*e.Progress, p.now().Sub(line.began))
		if !p.live && p.now().Sub(line.said) >= stepPause {
			line.said = p.now()
			text = fmt.Sprintf("%s: %s: %s", e.App, phaseWords(e.Phase, e.App), line.note)
		}
	case e.Started:
		line.phase, line.began, line.note = e.Phase, p.now(), ""
		line.said = line.began
		text = phaseText(e)
	case e.Ended:
		text = p.endText(e, line.note)
		line.phase, line.note = "", ""
	default:
		line.note = clean(e.Text)
		if p.said[e.App] == line.note {
			return // it was said already
		}
		p.said[e.App] = line.note
		text = fmt.Sprintf("%s: %s", e.App, line.note)
		if p.live {
			text = "" // the redrawn line says it
		}
	}
	if p.live {
		if e.Started {
			text = "" // likewise
		}
		p.draw(text)
	} else if text != "" {
		p.stamp(text)
	}
}

func (p *progress) line(app string) *appLine {
	for _, l := range p.apps {
		if l.name == app {
			return l
		}
	}
	l := &appLine{name: app}
	p.apps = append(p.apps, l)
	return l
}

func phaseText(e reconcile.Event) string {
	return fmt.Sprintf("%s: %s...", e.App, phaseWords(e.Phase, e.App))
}

// phaseWords are Cloud Foundry's: "Waiting for app hello to start".
func phaseWords(phase reconcile.Phase, app string) string {
	if phase == reconcile.PhaseStart {
		return "Waiting for app " + app + " to start"
	}
	return string(phase)
}

// logText is one line of a staging log, in cf's manner. Off a terminal, and
// with several apps, it says whose it is.
func (p *progress) logText(e reconcile.Event) string {
	stream := "OUT"
	if e.Log.Stderr {
		stream = "ERR"
	}
	text := fmt.Sprintf("   [%s] %s %s", e.Log.Source, stream, clean(e.Log.Text))
	if !p.live || len(p.apps) > 1 {
		text = e.App + ":" + text
	}
	return text
}

func (p *progress) endText(e reconcile.Event, note string) string {
	took := seconds(e.Took.Seconds())
	if errors.Is(e.Err, ErrInterrupted) {
		return fmt.Sprintf("%s: %s: interrupted after %s", e.App, phaseWords(e.Phase, e.App), took)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %s after %s", e.App, phaseWords(e.Phase, e.App), paint(p.color, red, "FAILED"), took)
	}
	if note != "" && e.Phase == reconcile.PhaseUpload {
		took += ", " + note
	}
	return fmt.Sprintf("%s: %s: %s (%s)", e.App, phaseWords(e.Phase, e.App), paint(p.color, green, "OK"), took)
}

// uploadText says how much of the package was read, what of it the store had,
// and how fast the rest is sent.
func uploadText(u reconcile.Progress, took time.Duration) string {
	text := fmt.Sprintf("%s of %s", bytesText(u.Read), bytesText(u.Total))
	if u.Reused > 0 {
		text += fmt.Sprintf(", %s were there already", bytesText(u.Reused))
	}
	if u.Sent > 0 {
		text += fmt.Sprintf(", %s sent", bytesText(u.Sent))
	}
	if u.Sent > 0 && took >= time.Second {
		text += fmt.Sprintf(" at %s/s", bytesText(int64(float64(u.Sent)/took.Seconds())))
	}
	return text
}

func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// say shows a text that is of no app.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		p.draw(text)
		return
	}
	p.stamp(text)
}

// stamp writes text with its time, where there is no terminal.
func (p *progress) stamp(text string) {
	fmt.Fprintf(p.w, "%s %s\n", p.now().UTC().Format(time.RFC3339), text)
}

// draw writes text, which stays, and below it a line for every app at work.
func (p *progress) draw(text string) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r%s", p.drawn, eraseBelow)
	}
	p.drawn = 0
	if text != "" {
		b.WriteString(text + "\n")
	}
	for _, l := range p.apps {
		if l.phase == "" {
			continue
		}
		row := fmt.Sprintf("%s: %s %s", l.name, phaseWords(l.phase, l.name), seconds(p.now().Sub(l.began).Seconds()))
		if l.note != "" {
			row += "  " + l.note
		}
		// a line that wraps could not be taken back
		b.WriteString(cut(row, terminalWidth(p.w)) + "\n")
		p.drawn++
	}
	io.WriteString(p.w, b.String())
}
