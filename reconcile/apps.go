package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
)

// selectJobs answers the service jobs of the named apps of the space, sorted
// by id; no names = all of the project, or of the space if the options name
// no project. Apps count that Nomad has forgotten while they were stopped;
// they have no job to read. A name that has no job is an *UnknownAppError.
func (r *Reconciler) selectJobs(ctx context.Context, names []string) ([]*api.JobListStub, error) {
	jobs, err := r.Nomad.OwnedJobs(ctx)
	if err != nil {
		return nil, err
	}
	forgotten, err := r.forgottenJobs(ctx, jobs)
	if err != nil {
		return nil, err
	}
	return chooseJobs(append(jobs, forgotten...), names, r.Options.Project, r.Nomad.Space)
}

func chooseJobs(jobs []*api.JobListStub, names []string, project, space string) ([]*api.JobListStub, error) {
	byID := map[string]*api.JobListStub{}
	var known []string
	var chosen []*api.JobListStub
	for _, job := range jobs {
		if job.Type != api.JobTypeService {
			continue
		}
		byID[job.ID] = job
		known = append(known, job.Meta[nomad.MetaApp])
		if len(names) == 0 && (project == "" || job.Meta[nomad.MetaProject] == project) {
			chosen = append(chosen, job)
		}
	}
	slices.Sort(known)
	for _, name := range names {
		job := byID[spec.JobID(name)]
		if job == nil {
			return nil, &UnknownAppError{App: name, Space: space, Known: known}
		}
		if !slices.Contains(chosen, job) {
			chosen = append(chosen, job)
		}
	}
	slices.SortFunc(chosen, func(a, b *api.JobListStub) int { return cmp.Compare(a.ID, b.ID) })
	return chosen, nil
}

// UnknownAppError is an app that does not run here. Known are those that do.
type UnknownAppError struct {
	App, Space string
	Known      []string
}

func (e *UnknownAppError) Error() string {
	return fmt.Sprintf("there is no app %q in space %s", e.App, e.Space)
}

// Hint says what to do next.
func (e *UnknownAppError) Hint() string {
	if len(e.Known) == 0 {
		return "nothing of wadi runs there; `wadi apply` starts what the files describe"
	}
	if near := nearest(e.App, e.Known); near != "" {
		return fmt.Sprintf("did you mean %q? There are: %s", near, strings.Join(e.Known, ", "))
	}
	return "there are: " + strings.Join(e.Known, ", ")
}

// UnknownProcessError is a process type that an app does not have.
type UnknownProcessError struct {
	App, Process string
	Known        []string
}

func (e *UnknownProcessError) Error() string {
	return fmt.Sprintf("app %q has no process %q", e.App, e.Process)
}

// Hint says what to do next.
func (e *UnknownProcessError) Hint() string { return "it has: " + strings.Join(e.Known, ", ") }

// nearest is the known word that is like the given one, "" if none is.
func nearest(word string, known []string) string {
	best, found := max(2, len(word)/3)+1, ""
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(k), nil); d < best {
			best, found = d, k
		}
	}
	return found
}
