package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/nomad/router"
	"wadi/stage/blob"
)

// readPlatform is client.ReadPlatform, but no platform is no error.
func readPlatform(ctx context.Context, client *nomad.Client) (nomad.Platform, error) {
	p, err := client.ReadPlatform(ctx)
	var none *nomad.NoPlatformError
	if errors.As(err, &none) {
		return nomad.Platform{}, nil
	}
	return p, err
}

// part is one half of the platform as it answers now.
type part struct {
	Name    string `json:"name"`
	Job     string `json:"job"`
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"`
	Reason  string `json:"reason,omitempty"` // why it is not
}

// probePlatform asks both parts how they are.
func probePlatform(ctx context.Context, p nomad.Platform) []part {
	parts := []part{
		{Name: "blob store", Job: nomad.BlobStoreJobID, URL: p.BlobURL},
		{Name: "router", Job: nomad.RouterJobID, URL: p.RouterURL},
	}
	for i, probe := range []func(context.Context, string) error{probeBlobStore, probeRouter} {
		if parts[i].URL == "" {
			parts[i].Reason = "it was never applied"
			continue
		}
		if err := probe(ctx, parts[i].URL); err != nil {
			parts[i].Reason = err.Error()
			continue
		}
		parts[i].Healthy = true
	}
	return parts
}

func probeBlobStore(ctx context.Context, url string) error {
	return (&blob.Client{URL: url}).Health(ctx)
}

func probeRouter(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+router.HealthPath, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// waitForPlatform asks until both parts answer: an instance that Nomad counts
// as started need not work. One that ended after began is not waited for.
func waitForPlatform(ctx context.Context, client *nomad.Client, p nomad.Platform, began time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, platformDeadline, context.DeadlineExceeded)
	defer cancel()
	for {
		var sick *part
		for _, one := range probePlatform(ctx, p) {
			if !one.Healthy {
				sick = &one
				break
			}
		}
		if sick == nil {
			return nil
		}
		why, err := endedSince(ctx, client, sick.Job, began)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if why == "" {
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				if errors.Is(context.Cause(ctx), ErrInterrupted) {
					return ErrInterrupted
				}
				why = sick.Reason
			}
		}
		return withHint(fmt.Errorf("the %s at %s does not work: %s%s", sick.Name, sick.URL, why, platformLog(client, sick.Job)),
			"see `nomad job status -namespace %s %s`", client.Space, sick.Job)
	}
}

// endedSince says how an instance of the job failed since began, "" if none did.
func endedSince(ctx context.Context, client *nomad.Client, id string, began time.Time) (string, error) {
	allocs, err := client.Allocations(ctx, id)
	if err != nil {
		return "", err
	}
	for _, a := range allocs {
		for _, task := range a.TaskStates {
			for _, e := range task.Events {
				if e.Type == api.TaskTerminated && e.ExitCode != 0 && e.Time > began.UnixNano() {
					return e.DisplayMessage, nil
				}
			}
		}
	}
	return "", nil
}

// platformLog are the last log lines of a platform job's newest instance.
func platformLog(client *nomad.Client, id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	job, err := client.Job(ctx, id)
	if err != nil || job == nil {
		return ""
	}
	allocs, err := client.Allocations(ctx, id)
	if err != nil || len(allocs) == 0 {
		return ""
	}
	newest := allocs[0]
	for _, a := range allocs {
		if a.CreateIndex > newest.CreateIndex {
			newest = a
		}
	}
	return lastLines(ctx, client, job, newest)
}

// jobRuns says whether an instance of the job runs.
func jobRuns(ctx context.Context, client *nomad.Client, id string) (bool, error) {
	allocs, err := client.Allocations(ctx, id)
	if err != nil {
		return false, err
	}
	for _, a := range allocs {
		if a.ClientStatus == api.AllocClientStatusRunning {
			return true, nil
		}
	}
	return false, nil
}
