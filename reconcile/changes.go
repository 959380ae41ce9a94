package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

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
		if had && was == now || f.Name == "droplet" && f.Value == afterStaging && c.stageReason() == "" {
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
