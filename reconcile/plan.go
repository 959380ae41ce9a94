package reconcile

import (
	"time"

	"wadi/spec"
)

// Plan is everything that an apply does, as data. It prints itself
// (WriteText) and is JSON as it stands; secrets are masked in it.
type Plan struct {
	Project  string    `json:"project"`
	Space    string    `json:"space"`
	Address  string    `json:"address"` // Nomad's
	Apps     []AppPlan `json:"apps"`
	Warnings []string  `json:"warnings,omitempty"`
	Summary  Summary   `json:"summary"`
}

// Summary counts the apps of a plan.
type Summary struct {
	Add       int `json:"add"`
	Change    int `json:"change"`
	Destroy   int `json:"destroy"`
	Stage     int `json:"stage"`
	Unchanged int `json:"unchanged"`
}

// Changes says whether the plan would do anything.
func (p *Plan) Changes() bool { return p.Summary.Add+p.Summary.Change+p.Summary.Destroy > 0 }

// Action is what happens to an app.
type Action string

// The actions. LeftAlone is an app of this project that is not in the files
// and that nobody asked to remove.
const (
	Create    Action = "create"
	Update    Action = "update"
	Destroy   Action = "destroy"
	None      Action = "none"
	LeftAlone Action = "left-alone"
)

// AppPlan is the chain of operations for one app. An operation starts only
// if the one before succeeded.
type AppPlan struct {
	App        string      `json:"app"`
	Job        string      `json:"job"`
	Action     Action      `json:"action"`
	Replaces   int         `json:"replaces"`         // instances that are replaced
	Starts     int         `json:"starts,omitempty"` // instances that are started beside those that run
	Changes    []Change    `json:"changes,omitempty"`
	Operations []Operation `json:"operations,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
	// Image is what an app's image is, pinned, and Ports are its TCP ports,
	// the first one PORT; "" and nil for other apps, and where only staging
	// will tell.
	Image string `json:"docker_image,omitempty"`
	Ports []int  `json:"ports,omitempty"`
	// Unresolved says what could not be found out beforehand, and why.
	Unresolved []string `json:"unresolved,omitempty"`

	// After are the apps that have to be done before this one.
	After []After `json:"after,omitempty"`

	gains, loses []string // routes
	work         *work    // what execution needs; no part of the plan's text
	index        uint64   // of the job as it was planned; 0 = there was none
	goesOn       bool     // instances run that an update in place leaves alone
}

// Change is one difference between what runs and what the files say. From
// is "" for something new, To for something that goes.
type Change struct {
	What string `json:"what"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Replaces is set if this change alone replaces every instance.
	Replaces bool `json:"replaces,omitempty"`
}

// Kind is the kind of an operation.
type Kind string

// The kinds of operations, in the order in which they are carried out.
const (
	Upload   Kind = "upload"   // the package's missing chunks to the blob store
	Stage    Kind = "stage"    // a batch job that makes the droplet
	Write    Kind = "write"    // the revision to the app's Variable
	Register Kind = "register" // the service job, and wait until it is healthy
	Stop     Kind = "stop"     // stop and forget the job
)

// Operation is one step, with its cause in words.
type Operation struct {
	Kind   Kind   `json:"kind"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// afterStaging is printed for what only staging will tell.
const afterStaging = "(after staging)"

// Options change how a plan is made and carried out.
type Options struct {
	Project      string // of the files, else of the flag, else "default"
	ProjectNamed bool   // apps that left the files are stopped
	Prune        bool   // … and also where the project was not named
	Adopt        bool   // take over a job that is not ours
	Restage      bool   // stage again although the result is known
	ResetCount   bool   // instances that the files leave open go back to the default
	Parallelism  int    // apps at a time
	Domain       string // of default routes
	Dir          string // paths are shown relative to it
	CacheDir     string // for the stat cache; "" = none
	Who          string // recorded with a revision
	GitCommit    string // recorded with a revision; "" = not known
	AllowRawExec bool   // raw_exec on an agent that is not on loopback
	RawExec      bool   // raw_exec is allowed, or Nomad on loopback
	RefuseRoot   bool   // images may not run as root
	// StagingTimeout is over everything that a staging does; 0 = 15 minutes.
	StagingTimeout time.Duration
	// DockerPassword belongs to the users that the files name (docker.username).
	DockerPassword     string
	InsecureRegistries []string // that may be asked without encryption
	Stacks             map[string]spec.Stack
}
