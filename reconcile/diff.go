package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	plan.Operations = c.operations(plan, stageReason)
	plan.gains = c.Want.Routes
	if c.Is.Job != nil {
		plan.gains, plan.loses = moved(liveRoutes(c.Is.Job), c.Want.Routes)
	}
	return plan
}

// created lists what a new app consists of, one line a process.
func (c comparison) created() []Change {
	var changes []Change
	for _, f := range c.Facts {
		if f.App {
			changes = append(changes, Change{What: f.Name, To: f.Shown})
		}
	}
	for _, p := range c.Want.Processes {
		text := fmt.Sprintf("%s, %s memory, %s disk", plural(c.count(p.Group), "instance"), megabytes(*p.MemoryMB), megabytes(*p.DiskMB))
		if c.Want.App.Docker != nil {
			text += " (reserved, not limited)"
		}
		for _, f := range c.Facts {
			if f.Name == p.Type+".command" {
				text += ", " + f.Shown
			}
		}
		changes = append(changes, Change{What: "process " + p.Type, To: text})
		for _, f := range c.Facts {
			if name, ok := strings.CutPrefix(f.Name, p.Type+".sidecar "); ok {
				changes = append(changes, Change{What: "sidecar " + name, To: f.Shown + ", beside " + p.Type})
			}
		}
	}
	changes = append(changes, changedPlacement(&api.Job{}, c.Job)...)
	for _, route := range c.Want.Routes {
		changes = append(changes, Change{What: "route", To: route})
	}
	return changes
}

// changed lists what differs from what runs.
func (c comparison) changed() []Change {
	var changes []Change
	if c.Is.Job.Stop != nil && *c.Is.Job.Stop {
		changes = append(changes, Change{What: "state", From: "stopped", To: "started"})
	}
	switch runs, known := c.current(); {
	case known && runs.State == stateDeploying:
		changes = append(changes, Change{What: "deployment", From: "not seen to its end", To: "watched"})
	case c.failedBefore():
		changes = append(changes, Change{What: "deployment", From: "failed: " + runs.Reason, To: "tried again"})
	}
	if c.Is.Job.Meta[nomad.MetaProject] != c.Job.Meta[nomad.MetaProject] {
		changes = append(changes, Change{What: "project", From: c.Is.Job.Meta[nomad.MetaProject], To: c.Job.Meta[nomad.MetaProject], Replaces: true})
	}
	changes = append(changes, c.changedFacts()...)
	changes = append(changes, c.changedCounts()...)
	changes = append(changes, changedPlacement(c.Is.Job, c.Job)...)
	changes = append(changes, changedRoutes(liveRoutes(c.Is.Job), c.Want.Routes)...)
	return append(changes, c.drift(len(changes) > 0)...)
}

// changedFacts compares with the revision that runs now.
func (c comparison) changedFacts() []Change {
	runs, known := c.current()
	switch {
	case !known && c.RevKey != "" && nomad.RevisionKey(c.Is.Job) == c.RevKey:
		return nil // only the record was lost
	case !known:
		return []Change{{What: "revision", From: "not one that wadi recorded", To: "as in the files", Replaces: true}}
	}
	var changes []Change
	seen, recorded := map[string]bool{}, runs.facts()
	for _, f := range c.Facts {
		was, had := recorded[f.Name]
		now := f.Value
		if key, isEnv := strings.CutPrefix(f.Name, "env."); isEnv {
			was, had = runs.Env[key]
			now = c.EnvSums[key]
		}
		seen[f.Name] = true
		if had && was == now || f.Name == "droplet" && f.Value == AfterStaging && c.stageReason() == "" {
			continue
		}
		ch := Change{What: f.Name, From: was, To: f.Shown, Replaces: c.factReplaces(f.Name, runs)}
		if f.Name == digestFact && had && runs.Facts[imageFact] == c.Want.App.Docker.Image {
			ch.What = tagMoved
		}
		if f.Name == stackImageFact && had && !c.moved("stack") {
			ch.What = stackMoved
		}
		if had && (strings.HasPrefix(f.Name, "env.") || strings.HasPrefix(was, "#")) {
			ch.From = "(another value)"
		}
		changes = append(changes, ch)
	}
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		if !seen[name] && !c.leaves(name) {
			from := recorded[name]
			if strings.HasPrefix(from, "#") {
				from = "(some value)"
			}
			changes = append(changes, Change{What: name, From: from, Replaces: name != passwordFact})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(runs.Env)) {
		if _, stays := c.Want.App.Env[key]; !stays {
			changes = append(changes, Change{What: "env." + key, From: "(some value)", Replaces: true})
		}
	}
	return changes
}

// factReplaces says whether a fact that changed replaces instances by itself:
// a login's password does not, nor another name of the image that runs.
func (c comparison) factReplaces(name string, runs revisionRecord) bool {
	switch name {
	case passwordFact:
		return false
	case imageFact:
		was, now := runs.ImageMetadata, c.Want.Image
		return was == nil || now == nil || was.Image != now.Image
	}
	return true
}

// failedBefore says whether what the job holds was tried and did not come up.
func (c comparison) failedBefore() bool {
	runs, known := c.current()
	return known && runs.State == stateFailed && c.down()
}

// down says whether instances are missing.
func (c comparison) down() bool {
	for _, l := range c.Is.Live {
		if l.Running < l.Wanted {
			return true
		}
	}
	return false
}

// leaves says whether a fact is about a process that leaves: that is told
// once, as the process.
func (c comparison) leaves(fact string) bool {
	for _, g := range c.Is.Job.TaskGroups {
		if groupOf(c.Job, *g.Name) == nil && strings.HasPrefix(fact, *g.Name+".") {
			return true
		}
	}
	return false
}

// current is the recorded revision that the live job names.
func (c comparison) current() (revisionRecord, bool) {
	if c.Is.Job == nil {
		return revisionRecord{}, false
	}
	return c.Is.Record.byKey(nomad.RevisionKey(c.Is.Job))
}

func (c comparison) changedCounts() []Change {
	var changes []Change
	for _, p := range c.Want.Processes {
		is := groupOf(c.Is.Job, p.Group)
		want := c.count(p.Group)
		switch {
		case is == nil:
			changes = append(changes, Change{What: "process " + p.Type, To: plural(want, "instance")})
		case *is.Count != want:
			changes = append(changes, Change{What: p.Type + ".instances", From: fmt.Sprint(*is.Count), To: fmt.Sprint(want)})
		}
	}
	for _, g := range c.Is.Job.TaskGroups {
		if groupOf(c.Job, *g.Name) == nil {
			changes = append(changes, Change{What: "process " + *g.Name, From: plural(*g.Count, "instance")})
		}
	}
	return changes
}

func changedRoutes(is, want []string) []Change {
	var changes []Change
	gains, loses := moved(is, want)
	for _, route := range gains {
		changes = append(changes, Change{What: "route", To: route})
	}
	for _, route := range loses {
		changes = append(changes, Change{What: "route", From: route})
	}
	return changes
}

// moved are the routes that an app gets and gives up.
func moved(is, want []string) (gains, loses []string) {
	has := func(routes []string) func(string) bool {
		return func(route string) bool { return slices.Contains(routes, route) }
	}
	return slices.DeleteFunc(slices.Clone(want), has(is)), slices.DeleteFunc(slices.Clone(is), has(want))
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
	case plan.Action == Create:
		total := 0
		for _, g := range c.Job.TaskGroups {
			total += *g.Count
		}
		what += ", starting " + plural(total, "instance")
	case plan.Replaces > 0:
		what += ", replacing " + plural(plan.Replaces, "instance")
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

// summarize names the first changes.
func summarize(changes []Change) string {
	var names []string
	for _, ch := range changes {
		names = append(names, ch.What)
	}
	if len(names) == 1 && (names[0] == tagMoved || names[0] == stackMoved) {
		return names[0]
	}
	names = slices.Compact(names)
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ") + " changed"
}
