package reconcile

import (
	"slices"
	"strings"
)

// stageReason says why the source has to be staged; "" = it is not.
func (c comparison) stageReason() string {
	switch {
	case c.Restage:
		return "--restage"
	case c.Is.Gone && len(c.Is.Damaged) > 0:
		return "its droplet was damaged in the blob store: " + fewDamaged(c.Is.Damaged)
	case c.Is.Gone:
		return "its droplet is gone from the blob store"
	case c.Pinned.Open && c.Want.App.Docker != nil:
		return "only staging can tell which image it is now"
	case c.Pinned.Open:
		return "a buildpack cannot be reached, so nobody can tell whether it was staged before"
	case c.Is.Result != nil:
		return ""
	case c.Is.ResultErr != nil:
		return "the blob store cannot say whether it was staged before"
	}
	if c.Want.App.Docker != nil {
		return c.imageReason()
	}
	runs, known := c.current()
	if !known {
		return "this source was not staged before"
	}
	why, moved := c.changedInputs(runs)
	switch {
	case len(why) == 0 && moved != "":
		return moved
	case len(why) == 0 && runs.StagingKey == c.Pinned.StagingKey:
		return "its staging result is not in the blob store"
	case len(why) == 0:
		return "what the build sees changed (memory, the lifecycle)"
	}
	if len(why) > 3 {
		why = append(why[:3], "…")
	}
	reason := strings.Join(slices.Compact(why), ", ") + " changed"
	if moved != "" {
		reason += ", " + moved
	}
	return reason
}

// changedInputs are the facts of the build that are not those of the revision
// that runs, and in words what moved behind the same name.
func (c comparison) changedInputs(runs revisionRecord) (why []string, moved string) {
	var moves []string
	for _, f := range c.Facts {
		switch {
		case f.Name == stackImageFact:
			was, had := runs.Facts[f.Name]
			switch {
			case was == f.Value || c.moved("stack"):
			case had:
				moves = append(moves, stackMoved)
			default:
				moves = append(moves, stackPinned)
			}
		case strings.HasPrefix(f.Name, "env."):
			if key := f.Name[4:]; runs.Env[key] != c.EnvSums[key] {
				why = append(why, f.Name)
			}
		case f.Name == "buildpacks":
			if was := runs.Facts[f.Name]; was != f.Value {
				if packs := c.Pinned.buildpacksChanged(was); packs == "" {
					why = append(why, f.Name)
				} else {
					moves = append(moves, packs)
				}
			}
		case f.Name == "source", f.Name == "stack", strings.HasPrefix(f.Name, "service."):
			if runs.Facts[f.Name] != f.Value {
				why = append(why, f.Name)
			}
		}
	}
	for key := range runs.Env {
		if _, stays := c.Want.App.Env[key]; !stays {
			why = append(why, "env."+key)
		}
	}
	slices.Sort(why)
	return why, strings.Join(moves, ", ")
}
