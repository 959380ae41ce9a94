package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// noRoomPatience is how long the scheduler may find no place before an apply
// gives up: room may come free, nothing else says that it will not.
const noRoomPatience = 10 * time.Second

// deployPatience is what a rollout gets on top of its start timeouts.
const deployPatience = 5 * time.Minute

// write puts the revision and the routes into the app's secret Variable and
// the revision into its record. Revisions that nothing can start with any
// more leave the Variable.
func (u *run) write(ctx context.Context) error {
	w := u.plan.work
	if u.result.Droplet == "" && u.result.Image == nil {
		u.result = *w.is.Result
		if w.is.Recorded {
			known, err := u.r.stagingResult(ctx, w.pinned.StagingKey)
			if err != nil || known.Result == nil {
				return errors.Join(fmt.Errorf("the staging result of %s cannot be read: plan again", w.want.App.Name), err)
			}
			u.result = *known.Result
		}
	}
	if err := checkDroplet(w.want, u.result); err != nil {
		return err
	}
	u.revision = revisionOf(w.want, &u.result, u.r.Blobs.URL, w.who, w.of.salt)
	path := nomad.VariablePath(w.want.ID)
	secret, err := u.r.Nomad.ReadVariable(ctx, path)
	if err != nil {
		return err
	}
	used, err := u.r.Nomad.KeysInUse(ctx, w.want.ID)
	if err != nil {
		return err
	}
	if err := u.writeLogins(ctx, used); err != nil {
		return err
	}
	news := maps.Clone(u.revision.Items)
	news[nomad.RoutesKey] = routesJSON(w.want.Routes)
	secret.Items = keepKeys(secret.Items, news, used)
	if _, err := u.r.Nomad.WriteVariable(ctx, path, secret); err != nil {
		return err
	}
	return u.remember(ctx, stateDeploying, "")
}

// routesJSON is what instances are told of their routes; none is an empty list.
func routesJSON(routes []string) string {
	return string(mustJSON(lifecycle.Routes{URIs: append([]string{}, routes...)}))
}

// keepKeys are the items of an app's Variable with the new ones. Old ones stay
// as long as a version that Nomad keeps names them; where there is no room
// for that, as long as an instance may start with them by itself.
func keepKeys(old, news map[string]string, used nomad.KeysInUse) map[string]string {
	pick := func(wanted map[string]bool) map[string]string {
		items := map[string]string{}
		for key, value := range old {
			if wanted[key] {
				items[key] = value
			}
		}
		maps.Copy(items, news)
		return items
	}
	if all := pick(used.Kept); (nomad.Variable{Items: all}).Size() <= nomad.MaxVariableBytes {
		return all
	}
	return pick(used.Live)
}

// remember writes the app's record.
func (u *run) remember(ctx context.Context, state, reason string) error {
	w := u.plan.work
	path := nomad.RecordPath(w.want.ID)
	v, err := u.r.Nomad.ReadVariable(ctx, path)
	if err != nil {
		return err
	}
	rec, err := parseRecord(v.Items)
	if err != nil {
		return err
	}
	rec.App, rec.Project = w.want.App.Name, u.r.Options.Project
	facts := recordable(factsOf(w.want, w.pinned, u.r.Lifecycle.SHA256, w.of.salt, &u.result))
	rev := revisionRecord{
		Key: u.revision.key(), Package: w.pinned.Package, StagingKey: w.pinned.StagingKey, Generation: u.result.Generation,
		Droplet: u.result.Droplet, ImageMetadata: u.result.Image, StagedAt: u.result.StagedAt, Buildpack: u.result.LifecycleMetadata.DetectedBuildpack, Cache: u.result.Cache,
		StackImage: w.pinned.StackImage, Pins: w.pinned.pins(w.of.salt), Facts: facts, Env: w.envSums,
		Who: u.r.Options.Who, When: time.Now().UTC().Truncate(time.Second), GitCommit: u.r.Options.GitCommit,
		State: state, Reason: reason,
	}
	if was, ok := w.is.Record.byKey(rev.Key); ok && u.reverted && nomad.RevisionKey(w.is.Job) == rev.Key {
		// the same revision in another job (cpu, lifecycle): the one before runs on
		rev.Pins, rev.Facts, rev.Env, rev.State = was.Pins, was.Facts, was.Env, was.State
	}
	rec = rec.with(rev)
	v.Items = rec.items()
	_, err = u.r.Nomad.WriteVariable(ctx, path, v)
	return err
}

// register registers the job and waits until all instances are healthy, or
// says why they are not.
func (u *run) register(ctx context.Context) error {
	w := u.plan.work
	if u.revision.Shared == "" { // nothing was written: only counts or the job's shape change
		u.result = *w.is.Result
		u.revision = revisionOf(w.want, &u.result, u.r.Blobs.URL, w.who, w.of.salt)
	}
	if err := u.lock.Check(); err != nil {
		return err
	}
	index := uint64(0)
	if w.is.Job != nil {
		index = *w.is.Job.JobModifyIndex
		if err := u.r.Nomad.AwaitStable(ctx, w.is.Job); err != nil {
			return err
		}
	}
	job := u.r.job(w.want, w.is.Job, u.revision)
	if w.again {
		nomad.AskRestart(job, restartTime())
	}
	reg, err := u.r.Nomad.Deploy(ctx, job, index)
	switch {
	case err != nil && ctx.Err() != nil: // Nomad may have taken it
		return u.leave(ctx)
	case errors.Is(err, nomad.ErrConflict) && w.is.Job == nil:
		// somebody else has a job of that name by now, which may read the Variable
		return errors.Join(err, u.forget(ctx))
	case err != nil:
		return err
	}
	limits := nomad.RolloutLimits{
		Deadline: time.Now().Add(u.patience()),
		NoRoom:   noRoomPatience,
		Fatal:    u.fatal,
	}
	verdict, err := u.r.Nomad.Watch(ctx, reg, limits, func(v nomad.Verdict) {
		if v.Reason != "" {
			u.say(PhaseStart, "%s", v.Reason)
		}
	})
	if ctx.Err() != nil {
		return u.leave(ctx)
	}
	if err != nil {
		return err
	}
	if verdict.State == nomad.Failed {
		return u.failed(ctx, reg, verdict)
	}
	return u.remember(ctx, stateDeployed, "")
}

// fatal words the supervisor's own exit code.
func (u *run) fatal(code int) string {
	if code == lifecycle.ExitNeverHealthy {
		return "never became healthy in its start timeout"
	}
	return ""
}

// patience is how long the rollout may take in all: every round of instances
// gets its start timeout.
func (u *run) patience() time.Duration {
	total := deployPatience
	for _, p := range u.plan.work.want.Processes {
		rounds := 1 + *groupOf(u.plan.work.job, p.Group).Count/max(u.plan.work.want.InFlight, 1)
		total += time.Duration(rounds**p.TimeoutS) * time.Second
	}
	return total
}

// leave is an interrupt while Nomad deploys: Nomad goes on.
func (u *run) leave(ctx context.Context) error {
	return &AppError{App: u.plan.App, Step: string(Register),
		Err: fmt.Errorf("%w while its instances start; Nomad goes on with it", context.Cause(ctx)),
		Next: []string{
			u.command("status") + "    # how far it is",
			"nomad job deployments -latest -namespace " + u.r.Nomad.Space + " " + u.plan.Job + "    # then `nomad deployment fail ID` goes back to the version before",
		}}
}

// failed reports a rollout that did not come up: the failing instance's
// events and last log lines, and what runs now.
func (u *run) failed(ctx context.Context, reg nomad.Registration, v nomad.Verdict) error {
	out := u.notStarted(ctx, v)
	if reverted := u.afterFailure(ctx, reg, v); reverted != "" {
		out.Err = fmt.Errorf("%w\n%s", out.Err, reverted)
	}
	if err := u.remember(ctx, stateFailed, v.Reason); err != nil {
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
			out.Log = u.lastLines(ctx, alloc.ID)
		}
		if why := whyNeverHealthy(out.Log, u.plan.Ports); why != "" {
			out.Err = fmt.Errorf("%w: %s", out.Err, why)
		}
		if notPulled(v.Reason) {
			out.Err = fmt.Errorf("%w (the node's own engine pulls the image: there it has to reach the registry, and for HTTP list it in its insecure-registries)", out.Err)
		}
	}
	if v.Alloc != nil {
		out.Next = append(out.Next, u.command("logs --recent")+"    # what its instances said")
	}
	out.Next = append(out.Next, u.command("status"))
	return out
}

// afterFailure waits for Nomad to go back to the last version that worked
// and says what runs now.
func (u *run) afterFailure(ctx context.Context, reg nomad.Registration, v nomad.Verdict) string {
	if v.Cancelled {
		return "Somebody else stopped or changed the job meanwhile; nothing was reverted."
	}
	if *reg.Job.Version == 0 || u.plan.Action == Create {
		return "There is no earlier version to go back to; the job stays registered. Mend what is wrong and apply again."
	}
	for range 20 {
		job, err := u.r.Nomad.Job(ctx, u.plan.Job)
		if err != nil {
			return ""
		}
		if job != nil && *job.Version > *reg.Job.Version {
			u.reverted = true
			if err := u.restoreRoutes(ctx, job); err != nil {
				return "Reverted: Nomad went back to the version that ran before, but " + err.Error()
			}
			return "Reverted: Nomad went back to the version that ran before."
		}
		if sleep.For(ctx, 200*time.Millisecond) != nil {
			return ""
		}
	}
	return "Nomad did not go back to an earlier version: none of them was ever healthy."
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

// lastLines are the last lines that an instance wrote, standard output first.
func (u *run) lastLines(ctx context.Context, alloc string) []string {
	const keep = 20
	var out []string
	for _, stream := range []string{nomad.Stdout, nomad.Stderr} {
		var b bytes.Buffer
		if err := u.r.Nomad.TailLog(ctx, alloc, nomad.TaskName, stream, 8<<10, &b); err != nil {
			out = append(out, fmt.Sprintf("(%s cannot be read: %v)", stream, err))
			continue
		}
		text := strings.TrimRight(b.String(), "\n")
		if text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		if len(lines) > keep {
			lines = lines[len(lines)-keep:]
		}
		for _, line := range lines {
			label := "OUT"
			if stream == nomad.Stderr {
				label = "ERR"
			}
			out = append(out, label+" "+line)
		}
	}
	return out
}

// stop stops the job, waits until nothing of it runs, and removes its
// secrets and its record.
func (u *run) stop(ctx context.Context) error {
	id := u.plan.Job
	if err := u.r.removeTasks(ctx, id, true); err != nil {
		return err
	}
	if err := u.r.Nomad.StopJob(ctx, id, false); err != nil {
		return err
	}
	if err := u.r.Nomad.WaitStopped(ctx, id); err != nil {
		return err
	}
	// the job goes last: as long as it is there, a destroy finds it again
	if err := u.forget(ctx); err != nil {
		return err
	}
	return u.r.Nomad.StopJob(ctx, id, true)
}

// forget removes the app's secrets, its record, and what stagings left.
func (u *run) forget(ctx context.Context) error {
	if err := u.sweep(ctx, true); err != nil {
		return err
	}
	if err := u.forgetLogins(ctx); err != nil {
		return err
	}
	if err := u.r.Nomad.DeleteVariable(ctx, nomad.VariablePath(u.plan.Job)); err != nil {
		return err
	}
	return u.r.Nomad.DeleteVariable(ctx, nomad.RecordPath(u.plan.Job))
}
