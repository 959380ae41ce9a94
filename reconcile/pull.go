package reconcile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
	"wadi/nomad"
)

// A node's engine pulls an image once a start, and Nomad makes the starts of a
// task in a moment: a registry that is busy or being restarted would fail a
// whole rollout.

// pullWaits go before further attempts.
var pullWaits = []time.Duration{2 * time.Second, 8 * time.Second}

// passingPull is what engines say of a registry that may answer soon.
var passingPull = regexp.MustCompile(`(?i)unexpected HTTP status: (429|5\d\d)|too ?many ?requests|connection (refused|reset)|i/o timeout|TLS handshake timeout|` +
	`Client\.Timeout|deadline exceeded|\bEOF\b|no route to host|network is unreachable|temporary failure in name resolution`)

// notPulled says whether an instance failed for want of its image, in the
// words of Nomad's docker driver.
func notPulled(reason string) bool { return strings.Contains(reason, ": Failed to pull `") }

// pullAgain says whether an image that was not pulled may be there soon, and
// when to ask again.
func pullAgain(attempt int, reason string) (time.Duration, bool) {
	if attempt > len(pullWaits) || !notPulled(reason) || !passingPull.MatchString(reason) {
		return 0, false
	}
	return pullWaits[attempt-1], true
}

// whyNotPulled says where to look.
func whyNotPulled(reason string) string {
	switch {
	case strings.Contains(reason, "invalid tar header"):
		return "the node's own engine pulls the image, and cannot unpack it: one with zstd layers needs Docker 23 or newer there"
	case strings.Contains(reason, "failed to register layer"):
		return "the node's own engine pulls the image, and cannot unpack it: look at the node"
	}
	return "the node's own engine pulls the image: there it has to reach the registry, and for HTTP list it in its insecure-registries"
}

// rollOutAgain registers the job once more, after a wait, since its image could
// not be pulled.
func (u *run) rollOutAgain(ctx context.Context, got rollout, wait time.Duration) (rollout, error) {
	live, err := u.afterPull(ctx, got, wait)
	if err != nil {
		return rollout{}, u.giveUp(ctx, err, got, nil)
	}
	next, err := u.rollOut(ctx, live, true)
	if err != nil && next.reg.Job == nil {
		return rollout{}, u.giveUp(ctx, err, got, live)
	}
	return next, err
}

// afterPull waits until an image that was not pulled may be had. It answers the
// job as it is then: the version before, if Nomad went back to it.
func (u *run) afterPull(ctx context.Context, got rollout, wait time.Duration) (*api.Job, error) {
	u.say(PhaseStart, "the image could not be pulled: starting again in %s", wait)
	rest, cancel := u.inAnyCase(ctx) // Nomad goes back also after an interrupt
	_, err := u.afterFailure(rest, got)
	cancel()
	if err != nil {
		return nil, err
	}
	if err := sleep.For(ctx, wait); err != nil {
		return nil, err
	}
	if err := u.lock.Check(); err != nil {
		return nil, err
	}
	ours := *got.reg.Job.Version
	if u.reverted {
		ours++
	}
	job, err := u.r.Nomad.Job(ctx, u.plan.Job)
	if err != nil {
		return nil, err
	}
	if job == nil || *job.Version != ours {
		return nil, errors.Join(errors.New("somebody else changed the job meanwhile"), nomad.ErrConflict)
	}
	if u.reverted {
		u.reverted = false
		err = u.write(ctx) // the routes are those of the version before
	}
	return job, err
}

// giveUp ends the attempts of which the last, got, failed for want of the
// image, because of what came between: the routes are those of the job that is
// live, and the record says what failed. next is the job in whose place another
// was to be registered; nil = it did not come to that.
func (u *run) giveUp(ctx context.Context, cause error, got rollout, next *api.Job) error {
	if u.lock.Check() != nil {
		return cause // and whoever holds it now writes
	}
	rest, cancel := u.inAnyCase(ctx)
	defer cancel()
	job, err := u.r.Nomad.Job(rest, u.plan.Job)
	if err != nil {
		return errors.Join(cause, err)
	}
	if ctx.Err() != nil && next != nil && job != nil && *job.JobModifyIndex != *next.JobModifyIndex {
		return cause // Nomad took it before the interrupt, and goes on with it
	}
	u.reverted = job != nil && *job.Version > *got.reg.Job.Version
	if job != nil {
		err = u.restoreRoutes(rest, job)
	}
	cause = fmt.Errorf("%w; the image could not be pulled before: %s", cause, got.verdict.Reason)
	if err = errors.Join(err, u.remember(rest, stateFailed, got.verdict.Reason)); err != nil {
		cause = errors.Join(cause, err)
	}
	return cause
}

// inAnyCase is for what has to be put right whatever became of ctx.
func (u *run) inAnyCase(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// followToEnd follows a staging, and others in its place while the image of its
// stack cannot be pulled. It answers the last one.
func (u *run) followToEnd(ctx context.Context, id string) (string, error) {
	for attempt := 1; ; attempt++ {
		err := u.followStaging(ctx, id)
		if err == nil {
			return id, nil
		}
		wait, more := pullAgain(attempt, err.Error())
		if !more {
			return id, err
		}
		u.say(PhaseStaging, "the stack's image could not be pulled: staging again in %s (%v)", wait, err)
		if err := sleep.For(ctx, wait); err != nil {
			return id, err
		}
		if id, err = u.startStaging(ctx); err != nil {
			return id, err
		}
	}
}
