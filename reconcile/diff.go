package reconcile

import (
	"fmt"
	"slices"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// comparison is everything that the difference between an app as it is and
// as it should be is made of.
type comparison struct {
	Want    desired
	Pinned  pinned
	Facts   []fact
	EnvSums map[string]string // keyed digests of the wanted env
	Is      observed
	Job     *api.Job // as it would be registered
	RevKey  string   // of the wanted revision; "" = after staging
	Restage bool
}

// diff says what has to happen to one app, and why. It is pure.
func diff(c comparison) AppPlan {
	plan := AppPlan{App: c.Want.App.Name, Job: c.Want.ID, Action: None}
	if image := c.Want.Image; image != nil {
		plan.Image, plan.Ports = image.Image, image.TCPPorts()
	}
	stageReason := c.stageReason()
	switch {
	case c.Is.Job == nil:
		plan.Action, plan.Changes = Create, c.created()
	default:
		plan.Changes = c.changed()
		if len(plan.Changes) > 0 || stageReason != "" {
			plan.Action = Update
		}
	}
	if c.Is.ResultErr != nil {
		plan.Unresolved = append(plan.Unresolved, "whether the source was staged before: "+c.Is.ResultErr.Error())
	}
	plan.Unresolved = append(plan.Unresolved, c.Pinned.Unresolved...)
	plan.Warnings = c.warnings()
	if plan.Action == None {
		return plan
	}
	plan.Replaces = c.replaces(c.RevKey == "")
	plan.Starts, plan.goesOn = c.starts(), c.goesOn()
	plan.Operations = c.operations(plan, stageReason)
	plan.gains = c.Want.Routes
	if c.Is.Job != nil {
		plan.gains, plan.loses = moved(liveRoutes(c.Is.Job), c.Want.Routes)
	}
	return plan
}

// replaces counts the live instances that a register would replace. Nomad's
// own numbers hold only the first max_in_flight, so they serve as yes or no.
func (c comparison) replaces(staged bool) int {
	if c.Is.Job == nil || c.Is.Job.Stop != nil && *c.Is.Job.Stop {
		return 0
	}
	n := 0
	for _, g := range c.Is.Job.TaskGroups {
		all := staged
		if c.Is.Plan != nil && c.Is.Plan.Annotations != nil {
			if u := c.Is.Plan.Annotations.DesiredTGUpdates[*g.Name]; u != nil && u.DestructiveUpdate+u.Canary > 0 {
				all = true
			}
		}
		if all && groupOf(c.Job, *g.Name) != nil {
			n += min(*g.Count, *groupOf(c.Job, *g.Name).Count)
		}
	}
	return n
}

// starts counts the instances that a register would start beside those that
// run.
func (c comparison) starts() int {
	n := 0
	for _, g := range c.Job.TaskGroups {
		switch {
		case c.Is.Job == nil || isStopped(c.Is.Job):
			n += *g.Count
		case c.Is.Plan != nil && c.Is.Plan.Annotations != nil:
			if u := c.Is.Plan.Annotations.DesiredTGUpdates[*g.Name]; u != nil {
				n += int(u.Place)
			}
		}
	}
	return n
}

// goesOn says whether there are instances that an update in place leaves alone:
// by what Nomad would do, which a check that fails once does not change.
func (c comparison) goesOn() bool {
	if c.Is.Job == nil || isStopped(c.Is.Job) {
		return false
	}
	if c.Is.Plan == nil || c.Is.Plan.Annotations == nil {
		return true
	}
	for _, u := range c.Is.Plan.Annotations.DesiredTGUpdates {
		if u != nil && u.InPlaceUpdate+u.Ignore > 0 {
			return true
		}
	}
	return false
}

// operations are the chain of steps for an app that changes.
func (c comparison) operations(plan AppPlan, stageReason string) []Operation {
	reason := "it is new"
	if plan.Action == Update {
		reason = summarize(plan.Changes)
	}
	var ops []Operation
	switch {
	case stageReason != "" && c.Want.App.Docker != nil:
		ops = append(ops, Operation{Stage, "image " + c.Want.imageContainer().Image, stageReason})
	case stageReason != "":
		ops = append(ops,
			Operation{Upload, fmt.Sprintf("package of %s, %s", plural(c.Pinned.Tree.Files, "file"), humanBytes(c.Pinned.Tree.Bytes)), stageReason},
			Operation{Stage, "with " + c.Pinned.describeBuildpacks(), stageReason})
	}
	if c.writes() {
		ops = append(ops, Operation{Write, "the revision and routes to Nomad Variable " + nomad.VariablePath(c.Want.ID), reason})
	}
	if plan.Action == Update && len(plan.Changes) == 0 && !c.writes() {
		return ops // an image that was asked for anew and is the same
	}
	what := fmt.Sprintf("job %s", c.Want.ID)
	switch {
	case plan.Replaces > 0:
		what += ", replacing " + plural(plan.Replaces, "instance")
	case plan.Action == Create, plan.Starts > 0 && !plan.goesOn:
		what += ", starting " + plural(plan.Starts, "instance")
	case plan.Starts > 0:
		what += ", in place, starting " + plural(plan.Starts, "instance")
	default:
		what += ", in place"
	}
	return append(ops, Operation{Register, what, reason})
}

// writes says whether instances have to be told something else when they start.
func (c comparison) writes() bool {
	return c.RevKey == "" || c.Is.Job == nil || nomad.RevisionKey(c.Is.Job) != c.RevKey || !slices.Equal(liveRoutes(c.Is.Job), c.Want.Routes) ||
		c.moved(loginFact) || c.moved(passwordFact)
}

func (c comparison) warnings() []string {
	var out []string
	if c.Is.Plan != nil && len(c.Is.Plan.FailedTGAllocs) > 0 {
		out = append(out, "the scheduler finds no room now: "+nomad.DescribeFailures(c.Is.Plan.FailedTGAllocs))
	}
	for _, p := range c.Want.Processes {
		if l, ok := c.Is.Live[p.Group]; ok && l.Running < l.Wanted {
			out = append(out, fmt.Sprintf("%d of %d instances of %s are running; `wadi status %s` says why", l.Running, l.Wanted, p.Type, c.Want.App.Name))
		}
	}
	if runs, known := c.current(); known && c.Is.Record.latestFailed() && !c.Is.Record.isLatest(runs.Key) {
		last := c.Is.Record.Revisions[len(c.Is.Record.Revisions)-1]
		out = append(out, fmt.Sprintf("revision %d failed (%s); revision %d still runs", last.Number, last.Reason, runs.Number))
	}
	return out
}

// count is the number of instances in the job that would be registered.
func (c comparison) count(group string) int {
	if g := groupOf(c.Job, group); g != nil {
		return *g.Count
	}
	return 0
}

func groupOf(job *api.Job, name string) *api.TaskGroup {
	for _, g := range job.TaskGroups {
		if *g.Name == name {
			return g
		}
	}
	return nil
}
