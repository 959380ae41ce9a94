package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

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
		Droplet: u.result.Droplet, ImageMetadata: u.result.Image, StagedAt: u.result.StagedAt, Buildpack: namesOf(u.result.LifecycleMetadata.Buildpacks), Cache: u.result.Cache,
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
