package reconcile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
)

// revision is one version of an app as its instances read it: keys of the
// app's secret Variable and what they hold. The keys are made of the content,
// and since they stand in the job's spec they are keyed digests: env values
// cannot be guessed from them.
type revision struct {
	Shared    string            // key of what all processes share
	Env       string            // key of env and bindings
	Processes map[string]string // keys by group
	Items     map[string]string // JSON by key
}

// revisionOf makes the revision of a droplet. It is the same for the same
// input, always. Without a result the shared part is not known yet: its key
// is nomad.UnknownRevision.
func revisionOf(d desired, result *lifecycle.Result, blobURL string, who identity, salt []byte) revision {
	rev := revision{Shared: nomad.UnknownRevision, Processes: map[string]string{}, Items: map[string]string{}}
	put := func(prefix string, value any) string {
		text := mustJSON(value)
		key := prefix + keyed(salt, text)[:24]
		rev.Items[key] = string(text)
		return key
	}
	for _, p := range d.Processes {
		rev.Processes[p.Group] = put("p-", runProcess(d, p))
	}
	environment := lifecycle.Environment{Env: d.App.Env, Services: services(d.App, d.Bindings)}
	if environment.Env == nil {
		environment.Env = map[string]string{}
	}
	rev.Env = put("e-", environment)
	if result != nil {
		// a new version of a Variable that holds credentials is a new revision
		version := keyed(salt, append(mustJSON(environment), servicesKey(environment.Services, d.Bindings)...))
		rev.Shared = put("r-", sharedRevision(d, *result, blobURL, who, salt, version))
	}
	return rev
}

// key is the one name of the revision, as nomad.RevisionKey reads it from a job.
func (r revision) key() string {
	return strings.Join(slices.Sorted(maps.Keys(r.Items)), "+")
}

// sharedRevision is the droplet and who the app is. environment stands for
// the rest of the revision in VCAP_APPLICATION's version.
func sharedRevision(d desired, result lifecycle.Result, blobURL string, who identity, salt []byte, environment string) lifecycle.Revision {
	rev := lifecycle.Revision{
		BlobURL:         blobURL,
		Droplet:         result.Droplet,
		Image:           result.Image,
		StagedAt:        result.StagedAt,
		App:             d.App.Name,
		Stack:           d.StackName,
		VCAPApplication: mustJSON(map[string]any{}),
	}
	if result.Image != nil {
		rev.StagedAt = 0 // an image has times of its own, and the plan knows all of its revision
	}
	rev.VCAPApplication = mustJSON(who.vcapApplication(keyed(salt, append(mustJSON(rev), environment...))))
	return rev
}

func runProcess(d desired, p process) lifecycle.RunProcess {
	run := lifecycle.RunProcess{
		Type:      p.Type,
		Command:   p.Command.Text,
		MemoryMB:  *p.MemoryMB,
		DiskMB:    *p.DiskMB,
		TimeoutS:  *p.TimeoutS,
		Health:    runCheck(p.HealthCheck),
		Readiness: runCheck(p.ReadinessHealthCheck),
		Sidecars:  sidecarsOf(d.App, p.Type),
	}
	if d.App.Docker != nil {
		run.Ports, run.NoRoot = d.ports(), d.NoRoot
		if p.User != nil {
			run.User = *p.User
		}
	}
	return run
}

func runCheck(c spec.HealthCheck) lifecycle.Check {
	kind := c.Type
	if kind == "none" { // Cloud Foundry's old word for it
		kind = "process"
	}
	return lifecycle.Check{Type: kind, Endpoint: c.HTTPEndpoint, IntervalS: *c.IntervalS, InvocationTimeoutS: *c.InvocationTimeoutS}
}

func keyed(salt, data []byte) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil))
}
