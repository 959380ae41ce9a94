package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// What is damaged in the blob store is mostly found by who reads it: a staging
// its package, an instance its droplet. The store drops it then, and what is
// missing is made again from the source.

// maxMends is how often one apply makes an app's blobs again: its package, and
// then its droplet, which may share chunks with what was damaged.
const maxMends = 3

// lostError is a blob that was stored and is not there, or not whole.
type lostError struct {
	What    string
	Damaged []string // what of it was found damaged, and removed
}

func (e *lostError) Error() string {
	if len(e.Damaged) == 0 {
		return e.What + " is not whole in the blob store"
	}
	return e.What + " was damaged in the blob store: " + fewDamaged(e.Damaged)
}

// fewDamaged words what was damaged.
func fewDamaged(damaged []string) string {
	const few = 3
	var out []string
	for _, what := range damaged[:min(len(damaged), few)] {
		kind, digest, _ := strings.Cut(what, " ")
		out = append(out, kind+" "+shortDigest(digest))
	}
	if more := len(damaged) - few; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

// storedBlob is a blob that an app needs.
type storedBlob struct{ what, digest string }

// mend says whether an operation failed because of a damaged blob, and plans
// anew, so that what is missing is made again.
func (u *run) mend(ctx context.Context, failed Kind, cause error) bool {
	if u.plan.work == nil || u.plan.work.want.App.Docker != nil || failed != Stage && failed != Register {
		return false
	}
	if errors.Is(cause, nomad.ErrConflict) { // what somebody else did meanwhile is not to be done over
		return false
	}
	lost := u.lost(ctx, failed, cause)
	if len(lost) == 0 {
		return false
	}
	if err := u.replan(ctx); err != nil {
		u.say("", "making it again: %v", err)
		return false
	}
	for _, e := range lost {
		u.say("", "%v: making it again", e)
	}
	return true
}

// lost are the blobs that made an operation fail.
func (u *run) lost(ctx context.Context, failed Kind, cause error) []*lostError {
	var lost []*lostError
	var already *lostError
	if errors.As(cause, &already) {
		lost = append(lost, already)
	}
	for _, b := range u.needed(failed) {
		if e := u.check(ctx, b, false); e != nil {
			lost = append(lost, e)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	var app *AppError
	if errors.As(cause, &app) && failed == Register { // which nobody has seen yet
		for _, line := range app.Log {
			if strings.Contains(line, "damaged") {
				u.say("", "%s", line)
			}
		}
	}
	// Where one chunk is damaged others may be, also of what shares some.
	all := slices.Concat(u.needed(Stage), u.needed(Register))
	if runs := u.plan.work.is.runs().Droplet; runs != "" && runs != u.result.Droplet {
		all = append(all, storedBlob{"the droplet that runs", runs})
	}
	for _, b := range all {
		e := u.check(ctx, b, true)
		if e == nil || len(e.Damaged) == 0 {
			continue
		}
		if i := slices.IndexFunc(lost, func(l *lostError) bool { return l.What == e.What }); i >= 0 {
			lost[i].Damaged = append(lost[i].Damaged, e.Damaged...)
		} else {
			lost = append(lost, e)
		}
	}
	return lost
}

// needed are the blobs that an operation reads.
func (u *run) needed(by Kind) []storedBlob {
	var blobs []storedBlob
	add := func(what, digest string) {
		if digest != "" {
			blobs = append(blobs, storedBlob{what, digest})
		}
	}
	if by == Register {
		add("the droplet", u.result.Droplet)
		return blobs
	}
	add("the app's package", u.pkg)
	for _, pack := range u.packs {
		add("buildpack "+pack.Key, pack.Blob)
	}
	return blobs
}

// check is nil if a blob is there, or nobody can tell.
func (u *run) check(ctx context.Context, b storedBlob, verify bool) *lostError {
	there, damaged, err := u.r.Blobs.Check(ctx, b.digest, verify)
	if there || err != nil {
		return nil
	}
	return &lostError{What: b.what, Damaged: damaged}
}

// replan makes the plan of the app anew, of the same source.
func (u *run) replan(ctx context.Context) error {
	w := u.plan.work
	app, err := u.r.planApp(ctx, w.want, w.of, w.who)
	if err != nil {
		return err
	}
	if app.work.pinned.StagingKey != w.pinned.StagingKey {
		return errors.New("the source has changed meanwhile: apply again")
	}
	u.plan.Operations, u.plan.work, u.plan.index = app.Operations, app.work, app.index
	u.pkg, u.packs, u.tail = "", nil, stagingTail{}
	u.result, u.revision, u.reverted = lifecycle.Result{}, revision{}, false
	return nil
}
