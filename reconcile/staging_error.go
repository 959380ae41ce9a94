package reconcile

import (
	"fmt"

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
func stagingFailure(alloc *api.Allocation) error {
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
}

func (e *StagingError) Error() string { return e.Words }

// Hint says what to do next.
func (e *StagingError) Hint() string {
	if e.OutOfMemory {
		return fmt.Sprintf("raise the app's `memory`: a staging has as much as the app, and at least %dM", minStagingMemoryMB)
	}
	if e.ExitCode == lifecycle.ExitDetectFail {
		return "name one with `buildpacks`, or add what they look for: index.html, package.json, go.mod, requirements.txt, a Procfile"
	}
	return ""
}
