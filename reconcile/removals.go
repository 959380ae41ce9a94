package reconcile

import (
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/blob"
)

// removals are the apps of this project that the files do not have.
func (r *Reconciler) removals(wants []desired, w world) []AppPlan {
	wanted := map[string]bool{}
	for _, d := range wants {
		wanted[d.ID] = true
	}
	var out []AppPlan
	for _, job := range w.Jobs {
		if job.Type != api.JobTypeService || wanted[job.ID] || job.Meta[nomad.MetaProject] != r.Options.Project {
			continue
		}
		app := AppPlan{App: job.Meta[nomad.MetaApp], Job: job.ID, Action: LeftAlone, index: job.JobModifyIndex}
		if r.Options.Prune || r.Options.ProjectNamed && len(wants) > 0 {
			app.Action, app.Operations = Destroy, stopOperations(job.ID, "it left the files")
			for _, held := range w.Routes {
				if held.Job == job.ID {
					app.loses = append(app.loses, held.Route)
				}
			}
		}
		out = append(out, app)
	}
	return out
}

// leftStagings are apps of this project that have no job but the staging of
// an apply that was killed.
func (r *Reconciler) leftStagings(w world) []AppPlan {
	seen := map[string]bool{}
	for _, job := range w.Jobs {
		seen[job.ID] = true
	}
	var out []AppPlan
	for _, job := range w.Jobs {
		id, _, _, ok := blob.ParseStagingJobID(job.ID)
		if !ok || seen[id] || job.Meta[nomad.MetaProject] != r.Options.Project {
			continue
		}
		seen[id] = true
		out = append(out, AppPlan{App: job.Meta[nomad.MetaApp], Job: id})
	}
	return out
}

func stopOperations(job, reason string) []Operation {
	return []Operation{{Stop, "job " + job + ", with its record and secrets", reason}}
}
