package reconcile

import (
	"context"
	"errors"
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

// afterPull waits until an image that was not pulled may be had. It answers the
// job as it is then: the version before, if Nomad went back to it.
func (u *run) afterPull(ctx context.Context, reg nomad.Registration, v nomad.Verdict, wait time.Duration) (*api.Job, error) {
	u.say(PhaseStart, "the image could not be pulled: starting again in %s", wait)
	u.afterFailure(ctx, reg, v)
	if err := sleep.For(ctx, wait); err != nil {
		return nil, err
	}
	ours := *reg.Job.Version
	if u.reverted {
		ours++
		u.reverted = false
		if err := u.write(ctx); err != nil { // the routes are those of the version before
			return nil, err
		}
	}
	job, err := u.r.Nomad.Job(ctx, u.plan.Job)
	if err != nil {
		return nil, err
	}
	if job == nil || *job.Version != ours {
		return nil, errors.Join(errors.New("somebody else changed the job meanwhile"), nomad.ErrConflict)
	}
	return job, nil
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
