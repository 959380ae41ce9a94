package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// Kinds of an AppEvent.
const (
	InstanceEvent   = "instance"   // of a task, as Nomad tells it
	DeploymentEvent = "deployment" // how a version took over
	JobEvent        = "job"        // stopped, or started again
	RevisionEvent   = "revision"   // of our record: who applied what
)

// AppEvent is one thing that happened to an app.
type AppEvent struct {
	Time     time.Time `json:"time"`
	App      string    `json:"app"`
	Kind     string    `json:"kind"`
	Process  string    `json:"process,omitempty"`  // with InstanceEvent
	Instance *int      `json:"instance,omitempty"` // with InstanceEvent
	ID       string    `json:"id,omitempty"`       // of the allocation or deployment; the revision's number
	Type     string    `json:"type"`               // Nomad's event type, a deployment's status, a revision's state
	Text     string    `json:"text,omitempty"`
}

// Events tells what happened to the named apps as far as Nomad and the apps'
// records remember it, oldest first; no names = all of the project, or of
// the space if the options name no project. Nomad keeps the last ten events
// of an instance and six versions of a job.
func (r *Reconciler) Events(ctx context.Context, names []string) ([]AppEvent, error) {
	jobs, err := r.selectJobs(ctx, names)
	if err != nil {
		return nil, err
	}
	events := []AppEvent{}
	for _, job := range jobs {
		allocs, err := r.Nomad.Allocations(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		history, err := r.Nomad.History(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		rec, err := r.record(ctx, job.ID)
		if err != nil {
			return nil, fmt.Errorf("app %q: %w", job.Meta[nomad.MetaApp], err)
		}
		events = append(events, appEvents(job.Meta[nomad.MetaApp], allocs, history, rec)...)
	}
	slices.SortStableFunc(events, func(a, b AppEvent) int { return a.Time.Compare(b.Time) })
	return events, nil
}

// appEvents are the events of one app, in no order.
func appEvents(app string, allocs []*api.AllocationListStub, h nomad.History, rec record) []AppEvent {
	var events []AppEvent
	for _, rev := range rec.Revisions {
		events = append(events, revisionEvent(rev))
	}
	events = append(events, jobEvents(h)...)
	for _, a := range allocs {
		events = append(events, instanceEvents(a)...)
	}
	for i := range events {
		events[i].App = app
	}
	return events
}

func revisionEvent(rev revisionRecord) AppEvent {
	var parts []string
	if rev.Who != "" {
		parts = append(parts, "by "+rev.Who)
	}
	if rev.GitCommit != "" {
		parts = append(parts, "commit "+shortDigest(rev.GitCommit))
	}
	if rev.Droplet != "" {
		parts = append(parts, "droplet "+shortDigest(rev.Droplet))
	}
	if rev.ImageMetadata != nil {
		parts = append(parts, "image "+rev.ImageMetadata.Image)
	}
	text := strings.Join(parts, ", ")
	if rev.Reason != "" {
		text += ": " + rev.Reason
	}
	return AppEvent{Time: rev.When, Kind: RevisionEvent, ID: fmt.Sprint(rev.Number), Type: rev.State, Text: text}
}

// jobEvents are what the versions of a job tell. A deployment has no time of
// its own in Nomad: it counts from when its version was registered.
func jobEvents(h nomad.History) []AppEvent {
	submitted := map[uint64]time.Time{}
	var events []AppEvent
	versions := slices.Clone(h.Versions)
	slices.SortFunc(versions, func(a, b *api.Job) int { return int(*a.Version) - int(*b.Version) })
	for i, v := range versions {
		at := time.Unix(0, *v.SubmitTime).UTC()
		submitted[*v.Version] = at
		if i == 0 || isStopped(v) == isStopped(versions[i-1]) {
			continue
		}
		e := AppEvent{Time: at, Kind: JobEvent, ID: *v.ID, Type: "started", Text: fmt.Sprintf("version %d", *v.Version)}
		if isStopped(v) {
			e.Type = "stopped"
		}
		events = append(events, e)
	}
	for _, d := range h.Deployments {
		if at, known := submitted[d.JobVersion]; known {
			events = append(events, AppEvent{Time: at, Kind: DeploymentEvent, ID: d.ID, Type: d.Status,
				Text: fmt.Sprintf("version %d: %s", d.JobVersion, d.StatusDescription)})
		}
	}
	return events
}

func instanceEvents(a *api.AllocationListStub) []AppEvent {
	state := a.TaskStates[nomad.TaskName]
	if state == nil {
		return nil
	}
	var events []AppEvent
	for _, e := range state.Events {
		events = append(events, AppEvent{Time: time.Unix(0, e.Time).UTC(), Kind: InstanceEvent, Process: a.TaskGroup,
			Instance: new(nomad.AllocIndex(a.Name)), ID: a.ID, Type: e.Type, Text: strings.TrimSpace(e.DisplayMessage)})
	}
	return events
}
