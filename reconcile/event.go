package reconcile

import "time"

// Phase is a part of an apply, in Cloud Foundry's words.
type Phase string

// The phases of one app.
const (
	PhaseUpload  Phase = "Uploading files"
	PhaseStaging Phase = "Staging app and tracing logs"
	PhaseWriting Phase = "Writing revision"
	PhaseStart   Phase = "Waiting for app to start"
	PhaseStop    Phase = "Stopping app"
)

// Event is one thing that happens while a plan is carried out. Exactly one
// of Started, Ended, Text, Log and Progress is what it tells.
type Event struct {
	App   string
	Phase Phase

	Started bool
	Ended   bool
	Took    time.Duration // with Ended
	Err     error         // with Ended: it failed

	Text     string // something to say: "2 of 3 instances running"
	Log      *LogLine
	Progress *Progress
}

// LogLine is one line of a staging log, without its line end.
type LogLine struct {
	Source string // "STG/0"
	Stderr bool
	Text   string
}

// Progress is how far an upload is, in bytes of the package's stream.
type Progress struct {
	Read     int64
	Total    int64 // that Read is in the end
	Uploaded int64
	Reused   int64
	Sent     int64 // of Uploaded, compressed
}

// Outcome is what became of a plan that was carried out.
type Outcome struct {
	Apps []AppOutcome `json:"apps"`
}

// AppOutcome is what became of one app.
type AppOutcome struct {
	App    string      `json:"app"`
	Action Action      `json:"action"`
	Err    error       `json:"-"`
	Error  string      `json:"error,omitempty"`
	Phases []PhaseTime `json:"phases,omitempty"`
	Status *AppStatus  `json:"status,omitempty"` // nil for an app that was stopped
}

// PhaseTime is how long one phase took.
type PhaseTime struct {
	Phase   Phase   `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// AppStatus is an app as it runs: the table that cf shows.
type AppStatus struct {
	App       string          `json:"app"`
	Job       string          `json:"job"`
	Project   string          `json:"project"`
	Space     string          `json:"space"`
	State     string          `json:"state"` // "started", "stopped"
	URLs      []string        `json:"urls"`
	Routes    []string        `json:"routes"`
	Processes []ProcessStatus `json:"processes"`
	Buildpack string          `json:"buildpack,omitempty"`
	Droplet   string          `json:"droplet,omitempty"`
	ImageName string          `json:"docker_image_name,omitempty"` // as the files have it
	Image     string          `json:"docker_image,omitempty"`      // as it runs
	Ports     []int           `json:"ports,omitempty"`             // of an image; the first one is PORT
	Revision  int             `json:"revision"`
}

// ProcessStatus is one process type of an app.
type ProcessStatus struct {
	Type      string           `json:"type"`
	Running   int              `json:"running"`
	Wanted    int              `json:"wanted"`
	MemoryMB  int              `json:"memory_mb"`
	Instances []InstanceStatus `json:"instances"`
}

// InstanceStatus is one instance.
type InstanceStatus struct {
	Index    int       `json:"index"`
	State    string    `json:"state"` // StateStarting, StateRunning, …
	Since    time.Time `json:"since,omitzero"`
	Alloc    string    `json:"alloc"` // "" = Nomad has not placed it
	CPU      float64   `json:"cpu_percent"`
	MemoryB  uint64    `json:"memory_bytes"`
	MemoryMB int       `json:"memory_limit_mb"`
	DiskB    int64     `json:"disk_bytes"`    // 0 = not measured yet
	DiskMB   int       `json:"disk_limit_mb"` // 0 = there is none
	Restarts int       `json:"restarts"`
	Details  string    `json:"details,omitempty"`
	// ExitCode is that of its last crash. NextStart is when Nomad tries a
	// crashed one again, as far as it says.
	ExitCode  *int       `json:"exit_code,omitempty"`
	NextStart *time.Time `json:"next_start,omitempty"`
}
