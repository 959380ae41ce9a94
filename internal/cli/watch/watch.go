package watch

import (
	"context"
	"errors"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options of a Watcher. The zero value is how people work.
type Options struct {
	// Quiet is how long nothing must have changed before a change is told;
	// 0 = 150 ms. While files are looked at it is at least as long as that
	// takes.
	Quiet time.Duration
	// Limit is how long changes may go on before they are told nevertheless;
	// 0 = 5 s.
	Limit time.Duration
	// Polling is told once if the files have to be looked at, and why. Nil =
	// nobody listens.
	Polling func(why error)
}

// Watcher tells changes of the files of a Set.
type Watcher struct {
	options Options
	sets    chan request
	out     chan Change
	stop    context.CancelFunc
	done    chan struct{}
}

type request struct {
	set  Set
	done chan struct{}
}

// New starts a watcher that watches nothing yet; Close ends it.
func New(o Options) *Watcher { return start(o, nil) }

// start starts a watcher, with a poller one that never listens to events.
func start(o Options, poll *poller) *Watcher {
	if o.Quiet == 0 {
		o.Quiet = 150 * time.Millisecond
	}
	if o.Limit == 0 {
		o.Limit = 5 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher{options: o, sets: make(chan request), out: make(chan Change), stop: cancel, done: make(chan struct{})}
	go w.run(ctx, poll)
	return w
}

// Close ends the watching and waits until it has ended.
func (w *Watcher) Close() {
	w.stop()
	<-w.done
}

// Watch watches the set in place of the one before. What changes after it
// returns is told; so read the files after it, not before. It waits no longer
// than ctx.
func (w *Watcher) Watch(ctx context.Context, set Set) {
	r := request{set.resolved(), make(chan struct{})}
	select {
	case w.sets <- r:
	case <-w.done:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-r.done:
	case <-ctx.Done():
	}
}

// Changes tells changes, each when it is over. What changes while nobody
// listens is gathered into one.
func (w *Watcher) Changes() <-chan Change { return w.out }

// run is the one goroutine that knows anything.
func (w *Watcher) run(ctx context.Context, poll *poller) {
	defer close(w.done)
	s := &state{options: w.options, pending: pending{quiet: w.options.Quiet, limit: w.options.Limit}, poll: poll}
	defer s.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var events chan fsnotify.Event
		var errs chan error
		var look <-chan time.Time
		if s.notify != nil {
			events, errs = s.notify.w.Events, s.notify.w.Errors
		}
		if s.poll != nil {
			look = s.poll.timer.C
		}
		var out chan Change
		if at, some := s.pending.due(); some {
			if left := time.Until(at); left > 0 {
				timer.Reset(left)
			} else {
				out = w.out
			}
		}
		select {
		case <-ctx.Done():
			return
		case r := <-w.sets:
			s.set(ctx, r.set)
			close(r.done)
		case e := <-events:
			s.event(ctx, e)
		case err := <-errs:
			s.failed(ctx, err)
		case <-look:
			s.look(ctx)
		case <-timer.C:
		case out <- s.pending.change:
			s.pending.reset()
		}
	}
}

// state is what run knows.
type state struct {
	options Options
	pending pending
	current Set

	notify *notifier // nil before the first set, and while polling
	poll   *poller   // nil while there are events
}

func (s *state) close() {
	if s.notify != nil {
		s.notify.w.Close()
	}
	if s.poll != nil {
		s.poll.timer.Stop()
	}
}

// set begins to watch a set.
func (s *state) set(ctx context.Context, set Set) {
	s.current = set
	if s.poll == nil {
		if err := s.listen(ctx); err != nil {
			s.fallBack(ctx, err)
		}
		return
	}
	s.poll.remember(ctx, set)
}

// listen asks for the events of the current set.
func (s *state) listen(ctx context.Context) error {
	if err := withoutEvents(s.current); err != nil {
		return err
	}
	if s.notify == nil {
		n, err := newNotifier()
		if err != nil {
			return err
		}
		s.notify = n
	}
	return s.notify.watch(ctx, s.current)
}

// fallBack looks at the files from now on.
func (s *state) fallBack(ctx context.Context, why error) {
	if s.notify != nil {
		s.notify.w.Close()
		s.notify = nil
	}
	s.poll = newPoller(pollInterval)
	s.poll.remember(ctx, s.current)
	if s.options.Polling != nil {
		s.options.Polling(asLimit(why))
	}
}

// event takes one of the file system's events.
func (s *state) event(ctx context.Context, e fsnotify.Event) {
	counts, err := s.notify.take(ctx, e, s.current)
	if counts {
		s.pending.add(e.Name, time.Now())
	}
	if err != nil {
		s.fallBack(ctx, err)
	}
}

// failed takes an error in the place of an event: what has changed is not
// known, and neither are the folders that have come.
func (s *state) failed(ctx context.Context, err error) {
	s.pending.add("", time.Now())
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		err = s.listen(ctx)
	}
	if err != nil {
		s.fallBack(ctx, err)
	}
}

// look compares the files with how they were.
func (s *state) look(ctx context.Context) {
	for _, path := range s.poll.look(ctx) {
		s.pending.add(path, time.Now())
	}
	// what is still being written must be seen again before it is told
	s.pending.quiet = max(s.options.Quiet, s.poll.pause+s.poll.pause/5)
}
