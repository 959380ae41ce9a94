package reconcile

import (
	"wadi/nomad"
	"wadi/stage/blob"
)

// Lifecycle is the binary that runs inside tasks, packed for Nomad.
type Lifecycle struct {
	SHA256 string // hex, of the one-file tgz
	TGZ    string // path of it
}

// Reconciler plans and applies for one space of one Nomad.
type Reconciler struct {
	Nomad     *nomad.Client
	Platform  nomad.Platform
	Blobs     *blob.Client
	Lifecycle Lifecycle
	Options   Options
	// Tell hears of everything that happens during Apply; it may be called
	// by several apps at once. Nil = nobody listens.
	Tell func(Event)
}
