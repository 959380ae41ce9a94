package reconcile

import (
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// cfStagingWords are Cloud Foundry's words for the builder's exit codes
// (cloud_controller errors/v2.yml).
var cfStagingWords = map[int]string{
	lifecycle.ExitDetectFail:   "NoAppDetectedError: An app was not successfully detected by any available buildpack",
	lifecycle.ExitCompileFail:  "BuildpackCompileFailed: App staging failed in the buildpack compile phase",
	lifecycle.ExitReleaseFail:  "BuildpackReleaseFailed: App staging failed in the buildpack release phase",
	lifecycle.ExitSupplyFail:   "StagingError: App staging failed in a buildpack's supply phase",
	lifecycle.ExitFinalizeFail: "StagingError: App staging failed in the buildpack finalize phase",
}

// stagingFailure says in Cloud Foundry's words why a staging task failed.
func stagingFailure(alloc *api.Allocation, limit time.Duration) error {
	state := alloc.TaskStates[nomad.StagingTask]
	if state == nil {
		return fmt.Errorf("staging failed: %s", alloc.ClientDescription)
	}
	var last *api.TaskEvent
	for _, e := range state.Events {
		switch e.Type {
		case api.TaskTerminated:
			if e.Details["oom_killed"] == "true" {
				return &StagingError{ExitCode: e.ExitCode, OutOfMemory: true, Words: "StagingError: staging ran out of memory"}
			}
			if e.ExitCode == lifecycle.ExitStagingTimeout {
				return &StagingError{ExitCode: e.ExitCode, Late: true, Words: fmt.Sprintf("%s: it took more than %s; its last lines say for what", stagingExpired, limit)}
			}
			if words, ok := cfStagingWords[e.ExitCode]; ok {
				return &StagingError{ExitCode: e.ExitCode, Words: words}
			}
			if e.ExitCode != 0 {
				return &StagingError{ExitCode: e.ExitCode, Words: fmt.Sprintf("StagingError: staging failed with exit status %d", e.ExitCode)}
			}
		case api.TaskDriverFailure, api.TaskSetupFailure, api.TaskArtifactDownloadFailed, api.TaskFailedValidation:
			last = e
		}
	}
	if last != nil {
		return &StagingError{Words: "StagingError: the staging task could not start: " + last.DisplayMessage}
	}
	return &StagingError{Words: "StagingError: the staging task ended: " + alloc.ClientDescription}
}

// StagingError is a staging that failed. ExitCode is the builder's, 0 if it
// did not run.
type StagingError struct {
	ExitCode int
	Words    string
	// OutOfMemory: Nomad's driver says that the task was killed for it. What
	// the task sees itself of it is in its log.
	OutOfMemory bool
	// Late is one that took too long; with Node it was not the build, but that
	// node ("any": none was found), where it was not started, or hangs.
	Late bool
	Node string
}

func (e *StagingError) Error() string { return e.Words }

// Hint says what to do next.
func (e *StagingError) Hint() string {
	if e.OutOfMemory {
		return fmt.Sprintf("raise the app's `memory`: a staging has as much as the app, and at least %dM", minStagingMemoryMB)
	}
	switch {
	case e.Late && e.Node == "":
		return "make the build smaller, or give it more time with --staging-timeout (WADI_STAGING_TIMEOUT)"
	case e.Late && e.Node == "any":
		return "look at the nodes with `nomad node status`, and apply again"
	case e.Late:
		return "look at the node with `nomad node status -verbose " + e.Node + "`, take it out with `nomad node eligibility -disable` if it is not well, and apply again"
	}
	if e.ExitCode == lifecycle.ExitDetectFail {
		return "name one with `buildpacks`, or add what they look for: index.html, package.json, go.mod, requirements.txt, a Procfile; one for Java, PHP, Ruby or .NET is given by its address, as none is built in"
	}
	return ""
}
