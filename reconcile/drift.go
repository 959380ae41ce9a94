package reconcile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// drift is what Nomad finds different although nothing in the files changed:
// somebody touched the job, or this wadi makes it otherwise.
// Beside other changes, what those do to the job is left out.
func (c comparison) drift(explained bool) []Change {
	if c.Is.Plan == nil || c.Is.Plan.Diff == nil || c.Is.Plan.Diff.Type == "None" {
		return nil
	}
	var changes []Change
	add := func(prefix string, fields []*api.FieldDiff) {
		for _, f := range fields {
			if f.Type != "None" && !(explained && c.explains(prefix+f.Name)) && !c.fitted(prefix+f.Name) {
				changes = append(changes, Change{What: "job: " + prefix + f.Name, From: f.Old, To: f.New})
			}
		}
	}
	var objects func(prefix string, list []*api.ObjectDiff)
	objects = func(prefix string, list []*api.ObjectDiff) {
		for _, o := range list {
			if o.Type != "None" {
				add(prefix+o.Name+".", o.Fields)
				objects(prefix+o.Name+".", o.Objects)
			}
		}
	}
	d := c.Is.Plan.Diff
	add("", d.Fields)
	objects("", d.Objects)
	for _, g := range d.TaskGroups {
		if g.Type == "None" || explained && g.Type != "Edited" {
			continue
		}
		add(g.Name+".", g.Fields)
		objects(g.Name+".", g.Objects)
		for _, t := range g.Tasks {
			if t.Type != "None" {
				add(g.Name+"."+t.Name+".", t.Fields)
				objects(g.Name+"."+t.Name+".", t.Objects)
			}
		}
	}
	return changes
}

// ofOurs are the parts of a job that revisions, counts, routes, projects,
// placement and memory make.
var ofOurs = regexp.MustCompile(`^(Stop|Meta\[.*|Priority|NodePool|Datacenters\..*|Constraint\..*)$|\.(Count|Constraint\..*|EphemeralDisk\..*|Update\..*|Service\..*|Template\..*|Artifact\..*)$`)

// ofStacks are the parts of a job that the stack or the image makes.
var ofStacks = regexp.MustCompile(`\.(Driver|User|Config\..*|Env\[WADI_CONTAINER\]|Network\..*|(Identity|Constraint|Secret)\..*)$`)

// fitted says whether a field is other than the files have it because the
// job was deployed where instances had failed. The next deployment decides
// anew.
func (c comparison) fitted(field string) bool {
	group, isCanary := strings.CutSuffix(field, ".Update.Canary")
	if !isCanary {
		group, isCanary = strings.CutSuffix(field, ".Update.AutoPromote")
	}
	is, want := groupOf(c.Is.Job, group), groupOf(c.Job, group)
	return isCanary && is != nil && want != nil && nomad.FewerCanaries(is)
}

func (c comparison) explains(field string) bool {
	if ofStacks.MatchString(field) {
		return c.moved("stack") || c.moved(stackImageFact) || c.moved(imageFact) || c.moved(digestFact) || c.moved(loginFact) || c.moved(rootFact)
	}
	if strings.HasSuffix(field, ".Resources.CPU") || strings.HasSuffix(field, ".Resources.MemoryMB") {
		runs, _ := c.current()
		group, _, _ := strings.Cut(field, ".")
		return slices.ContainsFunc(c.Facts, func(f fact) bool {
			return (f.Name == group+".memory" || f.Name == group+".cpu") && runs.Facts[f.Name] != f.Value
		})
	}
	return ofOurs.MatchString(field)
}

// moved says whether a fact is not what it was.
func (c comparison) moved(name string) bool {
	runs, _ := c.current()
	now := ""
	for _, f := range c.Facts {
		if f.Name == name {
			now = f.Value
		}
	}
	return runs.Facts[name] != now
}
