package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// whatStays says which version of a platform job is left after one that did
// not come up.
func whatStays(ctx context.Context, client *nomad.Client, reg nomad.Registration, v nomad.Verdict) string {
	if v.Cancelled {
		return "somebody else stopped or changed the job meanwhile"
	}
	if *reg.Job.Version == 0 {
		return "there is no earlier version to go back to, the job stays registered"
	}
	if v.Late {
		return "Nomad had called the deployment successful before and does not go back, the job stays as it was applied"
	}
	job, err := client.WentBack(ctx, reg)
	switch {
	case err != nil:
		return "whether Nomad went back to an earlier version is not known"
	case job == nil:
		return "Nomad did not go back to an earlier version, the job stays as it was applied"
	}
	return "Nomad went back to what worked before"
}

// settle makes the Variables say again where the platform's jobs are, after
// an apply that failed for the given reason, and adds to it what they say.
func (n platformNow) settle(ctx context.Context, client *nomad.Client, told nomad.Platform, reason error) error {
	if ctx.Err() != nil {
		reason = withHint(reason, "jobs that were registered go on starting: see `wadi platform status`; `wadi platform apply` brings up what does not work")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	var words []string
	var errs []error
	for _, p := range []struct{ name, id, was, told string }{
		{"blob store", nomad.BlobStoreJobID, n.Platform.BlobURL, told.BlobURL},
		{"router", nomad.RouterJobID, n.Platform.RouterURL, told.RouterURL},
	} {
		if p.was == "" {
			continue
		}
		stands, err := settleURL(ctx, client, p.id, p.was, p.told)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("where the %s is could not be written back, see the Nomad Variable %s: %w", p.name, nomad.VariablePath(p.id), err))
		case stands == p.was && stands != p.told:
			words = append(words, fmt.Sprintf("\nwadi looks for the %s at %s, as before", p.name, stands))
		case stands != p.was && stands != "":
			words = append(words, fmt.Sprintf("\nwadi looks for the %s at %s now, no longer at %s", p.name, stands, p.was))
		}
	}
	if len(words) > 0 {
		reason = fmt.Errorf("%w%s", reason, strings.Join(words, ""))
	}
	return errors.Join(append([]error{reason}, errs...)...)
}

// settleURL writes the URL with which a platform job is registered to its
// Variable, unless somebody else has written there since it was told, and
// answers what the Variable says then.
func settleURL(ctx context.Context, client *nomad.Client, id, was, told string) (string, error) {
	path := nomad.VariablePath(id)
	v, err := client.ReadVariable(ctx, path)
	if err != nil {
		return "", err
	}
	job, err := client.Job(ctx, id)
	if err != nil {
		return "", err
	}
	url := urlOf(job, was)
	if v.Items["url"] != told || url == told {
		return v.Items["url"], nil
	}
	v.Items["url"] = url
	_, err = client.WriteVariable(ctx, path, v)
	return url, err
}

// urlOf is where a platform job listens; was, if that cannot be seen.
func urlOf(job *api.Job, was string) string {
	if address := argOf(job, "--listen"); address != "" {
		return "http://" + address
	}
	return was
}
