package reconcile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// failed reports a rollout that did not come up: the failing instance's
// events and last log lines, and what runs now.
func (u *run) failed(ctx context.Context, got rollout) error {
	out := u.notStarted(ctx, got.verdict)
	said, err := u.afterFailure(ctx, got)
	out.add(said, err)
	if err := u.remember(ctx, stateFailed, got.verdict.Reason); err != nil {
		return errors.Join(out, err)
	}
	return out
}

// notStarted is an app of which an instance did not come up, with what that
// instance said last.
func (u *run) notStarted(ctx context.Context, v nomad.Verdict) *AppError {
	out := &AppError{App: u.plan.App, Step: string(Register), Err: errors.New("Start unsuccessful: " + v.Reason)}
	if v.Cancelled {
		out.Err = fmt.Errorf("%w: %w", out.Err, nomad.ErrConflict)
	}
	if v.Stuck != "" {
		out.Err = fmt.Errorf("Start unsuccessful: %w", &nomad.StuckError{Space: u.r.Nomad.Space, What: v.Stuck})
	}
	if v.Alloc != nil {
		alloc, err := u.r.Nomad.Allocation(ctx, v.Alloc.ID)
		if err == nil {
			out.Events = eventsOf(alloc)
			out.Log = u.lastWords(ctx, alloc)
		}
		if why := whyNeverHealthy(out.Log, u.plan.Ports); why != "" {
			out.Err = fmt.Errorf("%w: %s", out.Err, why)
		}
		if notPulled(v.Reason) {
			out.Err = fmt.Errorf("%w (%s)", out.Err, whyNotPulled(v.Reason))
		}
	}
	if v.Alloc != nil {
		out.Next = append(out.Next, u.command("logs --recent")+"    # what its instances said")
	}
	out.Next = append(out.Next, u.command("status"))
	return out
}

// add says what became of the app besides.
func (e *AppError) add(said string, err error) {
	if said != "" {
		e.Err = fmt.Errorf("%w\n%s", e.Err, said)
	}
	if err != nil {
		e.Err = fmt.Errorf("%w\n%w", e.Err, err)
	}
}

// afterFailure waits for Nomad to go back to the last version that worked
// and says what runs now. The error is what that version lacks.
func (u *run) afterFailure(ctx context.Context, got rollout) (said string, err error) {
	switch {
	case got.verdict.Cancelled:
		return "Somebody else stopped or changed the job meanwhile; nothing was reverted.", nil
	case *got.reg.Job.Version == 0 || u.plan.Action == Create:
		return "There is no earlier version to go back to; the job stays registered. Mend what is wrong and apply again.", nil
	case got.verdict.Late:
		return "Nomad had called the deployment successful before and does not go back: it goes on trying to start this version. Mend what is wrong and apply again.", nil
	}
	job, err := u.r.Nomad.WentBack(ctx, got.reg)
	if err != nil {
		return "", nil
	}
	if job == nil {
		return "Nomad did not go back to an earlier version: none of them was ever healthy.", nil
	}
	u.reverted = true
	if err := u.restoreRoutes(ctx, job); err != nil {
		return "", fmt.Errorf("the job was reverted to the version that ran before, but its instances were not told of its routes: %w", err)
	}
	return "Reverted: Nomad went back to the version that ran before.", nil
}

// restoreRoutes tells instances of the routes that the job has again.
func (u *run) restoreRoutes(ctx context.Context, job *api.Job) error {
	path := nomad.VariablePath(u.plan.Job)
	v, err := u.r.Nomad.ReadVariable(ctx, path)
	if err != nil {
		return err
	}
	routes := routesJSON(liveRoutes(job))
	if v.Index == 0 || v.Items[nomad.RoutesKey] == routes {
		return nil
	}
	if err := u.lock.Check(); err != nil {
		return err
	}
	v.Items[nomad.RoutesKey] = routes
	_, err = u.r.Nomad.WriteVariable(ctx, path, v)
	return err
}

// command is a command line about this app, in its space.
func (u *run) command(what string) string {
	return fmt.Sprintf("wadi %s --space %s %s", what, u.r.Nomad.Space, shellWord(u.plan.App))
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// eventsOf words the events of an instance's task, oldest first.
func eventsOf(alloc *api.Allocation) []string {
	var out []string
	state := alloc.TaskStates[nomad.TaskName]
	if state == nil {
		return nil
	}
	for _, e := range state.Events {
		out = append(out, fmt.Sprintf("%s %s: %s", time.Unix(0, e.Time).UTC().Format(time.RFC3339), e.Type, strings.TrimSpace(e.DisplayMessage)))
	}
	return out
}
