package lifecycle

import "encoding/json"

// Version is part of every staging key: it changes whenever the builder
// would make another droplet of the same input.
const Version = "5"

// Names of the files that the supervisor and the builder find in the task's
// secrets folder (NOMAD_SECRETS_DIR).
const (
	StagingFile     = "staging.json"     // Staging
	RevisionFile    = "revision.json"    // Revision
	EnvironmentFile = "environment.json" // Environment
	ProcessFile     = "process.json"     // RunProcess
	RoutesFile      = "routes.json"      // Routes
	TaskFile        = "task.json"        // Task
	IdentityFile    = "nomad_wadi.jwt"
)

// Exit codes of the builder, as Cloud Foundry's
// (buildpackapplifecycle models.go).
const (
	ExitDetectFail   = 222
	ExitCompileFail  = 223
	ExitReleaseFail  = 224
	ExitSupplyFail   = 225
	ExitFinalizeFail = 226
)

// ExitNeverHealthy is the exit code of the supervisor when an instance did
// not pass its startup check in time; ExitUnhealthy when it passed once and
// failed a liveness check later. An app's own exit code is passed on as it is.
const (
	ExitNeverHealthy = 64
	ExitUnhealthy    = 65
)

// NeverHealthy begins the line of an instance's log that goes with
// ExitNeverHealthy: how long it was tried, and what the last probe found.
const NeverHealthy = "Instance never healthy after "

// ExitStatus begins the line that says with which code an instance's process,
// or a staging that failed, has ended: a log's last, where nothing kills what
// writes it.
const ExitStatus = "Exit status "

// ExitStagingTimeout is the exit code of a staging that took too long.
const ExitStagingTimeout = 124

// ExitTaskTimeout is the exit code of a one-off task that took longer than it
// may, as timeout(1) has it.
const ExitTaskTimeout = 124

// NodeIPVar is the variable of a one-off task's Nomad environment that has
// the address of its node: a task has no port, and Nomad tells the address
// with ports alone.
const NodeIPVar = "WADI_NODE_IP"

// Staging is the input of one staging task: secrets/staging.json. What is not
// in the staging key is not in here either, but for the names under which
// the result is stored.
type Staging struct {
	BlobURL    string `json:"blob_url"`
	Space      string `json:"space"`
	App        string `json:"app"`
	StagingKey string `json:"staging_key"` // 64 hex digits
	Generation int    `json:"generation"`  // from 1; a result is written once a generation

	// Image is set for an app of a Docker image, which has neither package
	// nor buildpacks.
	Image *ImageSource `json:"image,omitempty"`

	Package    string         `json:"package"` // blob digest of the tar stream
	Buildpacks []BuildpackRef `json:"buildpacks"`
	// SkipDetect is set when the buildpacks were named: all but the last
	// supply, the last is final. Without it the first that detects is used.
	SkipDetect bool   `json:"skip_detect"`
	Stack      string `json:"stack"` // CF_STACK
	MemoryMB   int    `json:"memory_mb"`
	DiskMB     int    `json:"disk_mb"`
	TimeoutS   int    `json:"timeout_s"`

	// Env is the app's; VCAPApplication is a JSON object.
	Env             map[string]string `json:"env"`
	VCAPApplication json.RawMessage   `json:"vcap_application"`
	Services

	// Cache is the build cache that the app's last staging on this stack
	// left (Result.Cache): a blob digest, "" = none. It is not part of the
	// staging key on purpose, as in Cloud Foundry: it makes a build faster,
	// and one that is missing or broken never fails a staging.
	Cache string `json:"cache,omitempty"`
}

// BuildpackRef is one pinned buildpack: either one of those inside the
// lifecycle (Builtin) or a blob (digest of a tar stream of its folder).
type BuildpackRef struct {
	Key     string `json:"key"` // as the user wrote it: buildpack_key in the result
	Name    string `json:"name"`
	Builtin string `json:"builtin,omitempty"`
	Blob    string `json:"blob,omitempty"`
}

// Result is the staging result, kept by the blob store per space and key.
// Its DropletMetadata (Cloud Foundry's result.json) is inlined in the JSON.
type Result struct {
	Generation  int    `json:"generation"`
	Droplet     string `json:"droplet"` // blob digest of the tar stream
	DropletSize int64  `json:"droplet_size"`
	StagedAt    int64  `json:"staged_at"`     // Unix seconds
	Log         string `json:"log,omitempty"` // blob digest of the staging log
	// Inputs are the blobs that it was made of, package and buildpacks: they
	// stay stored as long as the result, so that the next upload finds the
	// chunks that have not changed.
	Inputs []string `json:"inputs,omitempty"`
	// Cache is what the buildpacks keep for the app's next staging
	// (Staging.Cache): a blob digest, "" = nothing.
	Cache string `json:"cache,omitempty"`
	// Image is set for an app of a Docker image, which has no droplet.
	Image *ImageMetadata `json:"image_metadata,omitempty"`

	DropletMetadata
}

// BuildpackMetadata says which buildpacks made the droplet.
type BuildpackMetadata struct {
	BuildpackKey      string          `json:"buildpack_key"`
	DetectedBuildpack string          `json:"detected_buildpack"`
	Buildpacks        []BuildpackInfo `json:"buildpacks"`
}

// BuildpackInfo is one buildpack as it named itself (config.yml).
type BuildpackInfo struct {
	Key     string           `json:"key"`
	Name    string           `json:"name"`
	Version string           `json:"version,omitempty"`
	Config  *BuildpackConfig `json:"config,omitempty"`
	// OutputMetadata is whatever else the buildpack says of itself.
	OutputMetadata map[string]any `json:"output_metadata,omitempty"`
}

// BuildpackConfig is what a buildpack may ask of the launcher.
type BuildpackConfig struct {
	EntrypointPrefix string `json:"entrypoint_prefix,omitempty" yaml:"entrypoint_prefix"`
}

// ProcessType is a process that the droplet brings.
type ProcessType struct {
	Type    string `json:"type"`
	Command string `json:"command"`
}

// Sidecar is a sidecar, of the droplet or of the files. MemoryMB 0 = not said.
type Sidecar struct {
	Name         string   `json:"name"`
	ProcessTypes []string `json:"process_types"`
	Command      string   `json:"command"`
	MemoryMB     int      `json:"memory,omitempty"`
}

// Revision is what all processes of one version of an app need at run time:
// secrets/revision.json, kept in the app's secret Variable under a
// content-addressed key. What concerns one process is in RunProcess, so that
// its change replaces the instances of no other.
type Revision struct {
	BlobURL string `json:"blob_url"`
	Droplet string `json:"droplet"` // blob digest; "" for an app of a Docker image
	// Image is set for an app of a Docker image.
	Image *ImageMetadata `json:"image,omitempty"`
	// StagedAt (Unix seconds) is the modification time that files of the
	// package get in the instance: packages carry no times, and web servers
	// make their ETags of them.
	StagedAt int64  `json:"staged_at"`
	App      string `json:"app"`
	Stack    string `json:"stack"`

	VCAPApplication json.RawMessage `json:"vcap_application"` // without limits, uris, process_*: the supervisor adds them
}

// Environment is what the user gives all processes of an app:
// secrets/environment.json, kept as a Revision is. It is apart from it
// because it is the big part, and seldom changes: a new droplet must not
// store it once more.
type Environment struct {
	Env map[string]string `json:"env"`
	Services
}

// RunProcess is how one process type runs: secrets/process.json, kept as a
// Revision is. Instance counts and routes are not part of it.
type RunProcess struct {
	Type string `json:"type"`
	// Command "" = the droplet's own for this type.
	Command  string `json:"command,omitempty"`
	MemoryMB int    `json:"memory_mb"`
	DiskMB   int    `json:"disk_mb"`
	// Ports are those of an app of an image, in its own network, the first
	// one its PORT. They have the labels of PortLabel.
	Ports []int `json:"ports,omitempty"`
	// User is whom an app of an image runs as; "" = whom the image says.
	User      string    `json:"user,omitempty"`
	NoRoot    bool      `json:"no_root,omitempty"` // root is refused
	TimeoutS  int       `json:"timeout_s"`
	Health    Check     `json:"health"`
	Readiness Check     `json:"readiness"`
	Sidecars  []Sidecar `json:"sidecars,omitempty"` // of the files, for this process
}

// Task is what one one-off task runs: secrets/task.json, beside a Revision
// and its Environment.
type Task struct {
	// Process is the type whose start command in the droplet is run where
	// Command is "".
	Process  string `json:"process"`
	Command  string `json:"command,omitempty"`
	MemoryMB int    `json:"memory_mb"`
	DiskMB   int    `json:"disk_mb"`
	TimeoutS int    `json:"timeout_s,omitempty"` // 0 = none
	// User and NoRoot are those of the process (RunProcess).
	User   string `json:"user,omitempty"`
	NoRoot bool   `json:"no_root,omitempty"`
}

// Check is one health check: Type is "port", "process" or "http".
type Check struct {
	Type               string `json:"type"`
	Endpoint           string `json:"endpoint,omitempty"`
	IntervalS          int    `json:"interval_s"`
	InvocationTimeoutS int    `json:"invocation_timeout_s"`
}

// Routes is what an instance is told of its routes at start
// (VCAP_APPLICATION's uris): secrets/routes.json. It is apart from the
// revision because a change of routes replaces no instance.
type Routes struct {
	URIs []string `json:"uris"`
}
