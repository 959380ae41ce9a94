package lifecycle

import (
	"strconv"
	"time"
)

// Labels of the ports of a service job's group. The app listens on the
// first, the supervisor serves GET /healthy (Nomad's check) and GET /ready
// (the router) on the second; both answer 200 or 503 with a Health as JSON.
const (
	PortHTTP   = "http"
	PortHealth = "health"
)

// PortLabel is the label of a further port of an app of an image; the first
// one is PortHTTP.
func PortLabel(port int) string { return "port" + strconv.Itoa(port) }

// InstanceHeader carries the allocation id (NOMAD_ALLOC_ID) in every answer
// of the health port: a client that meets another id is talking to an
// instance that took over the port.
const InstanceHeader = "Wadi-Instance"

// Health is the body of the answers of the health port.
type Health struct {
	State HealthState `json:"state"`
	// Reason is the last failed probe in words; empty when healthy.
	Reason string `json:"reason,omitempty"`
	// Instance is the instance guid: a new one at every start.
	Instance string    `json:"instance"`
	Since    time.Time `json:"since"` // of State
}

// HealthState is where an instance is in its life.
type HealthState string

// An instance is starting until its first passed check; a healthy one that
// fails its readiness check is not ready.
const (
	HealthStarting  HealthState = "starting"
	HealthHealthy   HealthState = "healthy"
	HealthNotReady  HealthState = "not ready"
	HealthUnhealthy HealthState = "unhealthy"
	HealthStopping  HealthState = "stopping"
)
